/**
 * What selects the primary's pods by Flagger's label and misses the target's. Users are moved at once: where a policy shuts the target's
 * pods off, every request would fail, and where it guarded the primary alone, nobody would be kept out any more.
 */
import { apexOf } from "../objects/canary.ts";
import { guardOf, serverNameOf, type Guard, type GuardedPod, type PolicyServer } from "../objects/inbound-policy.ts";
import { primaryName } from "../objects/names.ts";
import { guardedPodOf } from "../objects/track-guards.ts";
import { podLabelsOf } from "../objects/pod-template.ts";
import { guardedPods, networkGaps, type NetworkGap, type TrackLabels } from "../selectors/network-policy.ts";
import { selectorText, unmetParts, widenedSelector } from "../selectors/selector.ts";
import { acceptCure, isAccepted } from "../preconditions/accepted.ts";
import { kubectlIn, patchIn, type Cure } from "../preconditions/finding.ts";
import { isCopyIn, isSwitched, serviceNamed } from "./left-by-flagger.ts";
import type { MigrationRefusal, MigrationSeen } from "./seen.ts";
import { servingTemplate } from "./serving-template.ts";

type Refused = Omit<MigrationRefusal, "kind">;

/** The first that tells the two apart and is not accepted by the Canary; undefined where none does, or none could be read. */
export function policyDiffers(seen: MigrationSeen): Refused | undefined {
  const { target, primary } = seen;
  if (isSwitched(seen) || !target || !primary) return undefined;
  const template = servingTemplate(target, primary, isCopyIn(seen));
  const labels = { stable: podLabelsOf(primary.spec?.template), canary: podLabelsOf(template) };
  return networkDiffers(seen, labels) ?? serverDiffers(seen, labels);
}

// --- internal ---

interface Names {
  name: string;
  namespace: string;
  target: string;
  primary: string;
}

function namesIn({ canary }: MigrationSeen): Names {
  const { name = "", namespace = "" } = canary.metadata;
  const target = canary.spec.targetRef.name;
  return { name, namespace, target, primary: primaryName(target) };
}

function networkDiffers(seen: MigrationSeen, labels: TrackLabels): Refused | undefined {
  const { namespace, target, primary } = namesIn(seen);
  const found = networkGaps(seen.networkPolicies ?? [], labels, namespace).find(
    ({ policy }) => !isAccepted(seen.canary, "networkpolicy", policy.metadata.name ?? ""),
  );
  if (!found) return undefined;
  const name = found.policy.metadata.name ?? "";
  const missed = selectorText(unmetParts(found.selector, labels.canary));
  return {
    code: "policy-differs",
    why: `NetworkPolicy ${name} tells the pods of ${primary}, which serve, from those of ${target}, which are to: ${networkWords(found, missed)}.`,
    cure: cureOf(
      seen,
      { object: "networkpolicy", kind: "networkpolicies.networking.k8s.io", name },
      widening(found, labels),
    ),
  };
}

function networkWords({ kind, policy }: NetworkGap, missed: string): string {
  const by = `by ${missed}, which they do not carry`;
  if (kind === "open") return `it guards those that it selects ${by}`;
  if (kind === "shut") return `it lets requests through for those that it selects ${by}, and others shut the rest off`;
  if (kind === "peer") return `it lets them through at ${selectorText(guardedPods(policy))} ${by}`;
  return "it lets nothing through for them";
}

const widening = ({ kind, selector }: NetworkGap, { canary }: TrackLabels): object | undefined => {
  const both = kind === "open" || kind === "shut" ? widenedSelector(selector, canary) : undefined;
  return both && { spec: { podSelector: both } };
};

function serverDiffers(seen: MigrationSeen, { stable, canary }: TrackLabels): Refused | undefined {
  const guards = guardsIn(seen, { stable, canary });
  const server = guards && serverBetween(guards);
  if (!server) return undefined;
  const name = serverNameOf(server);
  if (isAccepted(seen.canary, "server", name)) return undefined;
  const { target, primary } = namesIn(seen);
  const { podSelector = {} } = server.spec;
  const both = guards.primary.server === server ? widenedSelector(podSelector, canary) : undefined;
  const follows = guards.target.isShut ? "would be refused there (403)" : "would be let in there by another policy";
  return {
    code: "policy-differs",
    why: `Server ${name} (${selectorText(podSelector)}) tells the pods of ${primary}, which serve, from those of ${target}, which are to: users ${follows}.`,
    cure: cureOf(
      seen,
      { object: "server", kind: "servers.policy.linkerd.io", name },
      both && { spec: { podSelector: both } },
    ),
  };
}

interface Guards {
  primary: Guard;
  target: Guard;
}

function guardsIn(seen: MigrationSeen, { stable, canary }: TrackLabels): Guards | undefined {
  const { inboundPolicies, primary } = seen;
  const port = portIn(seen);
  if (port === undefined || !inboundPolicies || !primary) return undefined;
  const pod = guardedPodOf(primary);
  const guard = (labels: GuardedPod["labels"]): Guard => guardOf({ ...pod, labels }, port, inboundPolicies);
  return { primary: guard(stable), target: guard(canary) };
}

function portIn(seen: MigrationSeen): number | string | undefined {
  const { service } = seen.canary.spec;
  const ports = serviceNamed(seen, apexOf(seen.canary))?.spec?.ports ?? [];
  const found = ports.find(({ port }) => service === undefined || service.port === port);
  return found && (found.targetPort ?? found.port);
}

/** The Server that makes a difference to users: they would be refused, or no longer kept out. */
function serverBetween({ primary, target }: Guards): PolicyServer | undefined {
  if (target.isShut && !primary.isShut) return primary.server ?? target.server;
  return primary.server && !target.server ? primary.server : undefined;
}

function cureOf(
  seen: MigrationSeen,
  { object, kind, name }: { object: string; kind: string; name: string },
  patch: object | undefined,
): Cure {
  const { namespace, target } = namesIn(seen);
  const accept = acceptCure({ canary: seen.canary, namespace, targetName: target, apexName: "" }, object, name);
  return patch
    ? {
        say: `let it select both ${accept}`,
        run: patchIn(namespace, `${kind} ${name}`, patch),
      }
    : { say: `let it be about the pods of ${target} too ${accept}`, run: kubectlIn(namespace, `edit ${kind} ${name}`) };
}
