/** Ports that lead nowhere, and who else scales. Pure. */
import type { V1ContainerPort, V1Service, V1ServicePort, V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { canaryName } from "../../../../shared/core/objects/names.ts";
import { type Facts, type Finding, kubectl, nameOf, type Probe, some } from "../facts.ts";

/** A port of the Service that leads to none of the target's containers, by name, or by number where all are declared. */
export const unservedPort: Probe = (facts) => {
  const declared = declaredPorts(facts);
  const astray = (apexOf(facts)?.spec?.ports ?? []).find((port) => !leadsTo(port, declared));
  if (!astray || declared.length === 0) return [];
  const known = declared.map(({ name, containerPort }) => (name ? `${name} (${containerPort})` : containerPort));
  return [
    {
      fault: "port-mismatch",
      level: typeof astray.targetPort === "string" ? "broken" : "warning",
      what: `Port ${astray.port} of Service ${facts.apexName} leads to no port that the target's containers declare.`,
      evidence: `its targetPort is ${astray.targetPort ?? astray.port}; the containers declare ${known.join(", ")}`,
      cure: kubectl(facts, `edit svc ${facts.apexName}`),
    },
  ];
};

/** Whoever scales the canary Deployment but the controller, or two that scale the target. */
export const autoscalerFight: Probe = (facts) => {
  const { autoscalers = [], targetName } = facts;
  const scaling = (name: string): string[] =>
    autoscalers
      .filter(({ spec }) => spec?.scaleTargetRef.kind === "Deployment" && spec.scaleTargetRef.name === name)
      .map(nameOf);
  const onCanary = scaling(canaryName(targetName));
  const onTarget = scaling(targetName);
  return [
    ...(onCanary.length > 0
      ? [fight(facts, onCanary, `scales ${canaryName(targetName)}, which the controller scales with the weight`)]
      : []),
    ...(onTarget.length > 1 ? [fight(facts, onTarget, `scale Deployment ${targetName} at once`)] : []),
  ];
};

/** What the Canary says scales its target is not there, or scales something else. */
export const autoscalerAstray: Probe = (facts) => {
  const { autoscalers, targetName, canary } = facts;
  const ref = canary?.spec.autoscalerRef;
  if (!autoscalers || !ref) return [];
  const found = autoscalers.find((one) => isNamedBy(ref, one));
  const scaled = scaledBy(found);
  if (scaled === `Deployment ${targetName}`) return [];
  const what = scaled === undefined ? "is not there" : `scales ${scaled}, not Deployment ${targetName}`;
  return [
    {
      fault: "autoscaler-astray",
      level: "warning",
      what: `${ref.kind} ${ref.name}, which spec.autoscalerRef names, ${what}: load that grows under a run is not seen by it.`,
      evidence: found ? `spec.scaleTargetRef of ${nameOf(found)}` : `no HorizontalPodAutoscaler is ${ref.name}'s`,
      cure: kubectl(facts, `edit canary ${nameOf(canary)}`),
    },
  ];
};

// --- internal ---

const apexOf = ({ services, apexName }: Facts): V1Service | undefined =>
  services?.find((service) => nameOf(service) === apexName);

function declaredPorts({ target }: Facts): V1ContainerPort[] {
  const containers = target?.spec?.template.spec?.containers ?? [];
  return containers.flatMap(({ ports = [] }) => ports);
}

function leadsTo({ port, targetPort = port }: V1ServicePort, declared: readonly V1ContainerPort[]): boolean {
  if (typeof targetPort === "string") return declared.some(({ name }) => name === targetPort);
  return declared.some(({ containerPort }) => containerPort === targetPort);
}

function fight(facts: Facts, names: readonly string[], what: string): Finding {
  return {
    fault: "autoscaler-fight",
    level: "broken",
    what: `HorizontalPodAutoscaler ${some(names)} ${what}: they undo each other's work.`,
    evidence: `spec.scaleTargetRef of ${some(names)}`,
    cure: kubectl(facts, `delete hpa ${names.at(-1)}`),
  };
}

function scaledBy(autoscaler: V2HorizontalPodAutoscaler | undefined): string | undefined {
  const ref = autoscaler?.spec?.scaleTargetRef;
  return ref && `${ref.kind} ${ref.name}`;
}

function isNamedBy({ kind, name }: { kind: string; name: string }, { metadata }: V2HorizontalPodAutoscaler): boolean {
  if (kind !== "ScaledObject") return metadata?.name === name;
  return (metadata?.ownerReferences ?? []).some((owner) => owner.kind === kind && owner.name === name);
}
