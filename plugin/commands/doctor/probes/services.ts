/** Ports that lead nowhere, and who else scales. Pure. */
import type { V1ContainerPort, V1Service, V1ServicePort } from "@kubernetes/client-node";
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
