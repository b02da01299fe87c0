/** The Deployment that is to be released, and what scales it. */
import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { ineligibility, type Ineligible } from "../objects/eligibility.ts";
import { kilobytes, mostBeside, mostKept } from "../objects/kept/kept-size.ts";
import { kubectlIn, nameOf, type Cure, type Rule, type Rules } from "./finding.ts";

/** `name`: the Canary's. */
export function targetMissingText(at: { targetName: string; namespace: string; name: string }): string {
  return `Deployment ${at.targetName} was not found in ${at.namespace}: create it, or correct spec.targetRef (kubectl canary status ${at.name} -n ${at.namespace}).`;
}

/** Some of what makes a Deployment unfit cannot be edited. */
export function unfitCure({ say }: Ineligible, at: { namespace: string; targetName: string }): Cure {
  if (say === undefined) return { run: kubectlIn(at.namespace, `edit deploy ${at.targetName}`) };
  return { say, run: kubectlIn(at.namespace, `get deploy ${at.targetName} -o yaml`) };
}

const targetMissing: Rule = ({ canary, target, targetName, namespace }) => {
  if (target !== null) return [];
  return [
    {
      level: "missing",
      what: targetMissingText({ targetName, namespace, name: nameOf(canary) }),
      evidence: `spec.targetRef of Canary ${nameOf(canary)} names it`,
      cure: { run: kubectlIn(namespace, "get deployments") },
    },
  ];
};

const targetUnfit: Rule = ({ target, targetName, namespace }) => {
  const found = target ? ineligibility(target) : undefined;
  if (!target || found === undefined) return [];
  const { strategy, replicas = 1 } = { ...target.spec };
  return [
    {
      level: "unfit",
      what: found.what,
      evidence: `Deployment ${targetName}: strategy ${strategy?.type ?? "RollingUpdate"}, ${replicas} replicas`,
      cure: unfitCure(found, { namespace, targetName }),
    },
  ];
};

/** What the controller has of it is too little to decide by. */
const objectTooLarge: Rule = ({ tooLarge = [], namespace }) =>
  tooLarge.map((named) => {
    const [kind = "", name = ""] = named.split(" ");
    const most = kilobytes(kind === "Service" ? mostBeside : mostKept);
    const smaller = smallerBy[kind] ?? "Give it fewer rules, labels and annotations.";
    return {
      level: "obstacle",
      what: `${named} in ${namespace} takes more than ${most} of memory, which is more than the controller keeps: no run starts. ${smaller}`,
      evidence: `the size of ${named}, without its managedFields`,
      cure: { run: kubectlIn(namespace, `edit ${kind.toLowerCase()} ${name}`) },
    };
  });

const smallerBy: Readonly<Record<string, string>> = {
  Deployment: "Move long texts in its env, args and annotations into a ConfigMap.",
  Service: "Give it fewer ports, and a selector of fewer labels.",
};

/** Flagger's every look fails by it. Here the target is released all the same, and what is lost is said. */
const autoscalerAstray: Rule = ({ canary, autoscalers, namespace, targetName }) => {
  const ref = canary?.spec.autoscalerRef;
  if (!autoscalers || !ref) return [];
  const found = autoscalers.find((one) => isNamedBy(ref, one));
  const scaled = scaledBy(found);
  if (scaled === `Deployment ${targetName}`) return [];
  const missing = ref.kind === "ScaledObject" ? "has made no HorizontalPodAutoscaler" : "is not there";
  const what = scaled === undefined ? missing : `scales ${scaled}, not Deployment ${targetName}`;
  return [
    {
      level: "warning",
      what: `${ref.kind} ${ref.name}, which spec.autoscalerRef names, ${what}: load that grows under a run is not seen by it.`,
      evidence: found ? `spec.scaleTargetRef of ${nameOf(found)}` : `no HorizontalPodAutoscaler is ${ref.name}'s`,
      cure: { run: kubectlIn(namespace, `edit canary ${nameOf(canary)}`) },
    },
  ];
};

function scaledBy(autoscaler: V2HorizontalPodAutoscaler | undefined): string | undefined {
  const ref = autoscaler?.spec?.scaleTargetRef;
  return ref && `${ref.kind} ${ref.name}`;
}

function isNamedBy({ kind, name }: { kind: string; name: string }, { metadata }: V2HorizontalPodAutoscaler): boolean {
  if (kind !== "ScaledObject") return metadata?.name === name;
  return (metadata?.ownerReferences ?? []).some((owner) => owner.kind === kind && owner.name === name);
}

export const targetRules = {
  "object-too-large": objectTooLarge,
  "target-missing": targetMissing,
  "target-unfit": targetUnfit,
  "autoscaler-astray": autoscalerAstray,
} satisfies Rules;
