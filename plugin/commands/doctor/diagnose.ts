/** All probes over one set of facts. Pure. */
import { type Facts, type Fault, faults, type Finding, kubectlCanary, nameOf, type Probe } from "./facts.ts";
import * as controller from "./probes/controller.ts";
import * as metrics from "./probes/metrics.ts";
import * as objects from "./probes/objects.ts";
import * as pods from "./probes/pods.ts";
import * as preconditions from "./probes/preconditions.ts";
import * as services from "./probes/services.ts";
import * as traffic from "./probes/traffic.ts";

const probes: readonly Probe[] = [controller, preconditions, objects, services, pods, metrics, traffic].flatMap(
  (file) => Object.values(file),
);

/** What is wrong, causes before what they cause, and what is broken before what is a warning. */
export function diagnose(facts: Facts): Finding[] {
  const rank = new Map<Fault, number>(faults.map((fault, index) => [fault, index]));
  const found = probes.flatMap((probe) => probe(facts));
  const isExplained = found.some(({ level }) => level === "broken");
  return [...found, ...(isExplained ? [] : blockedBy(facts))].sort(
    (a, b) => levels[a.level] - levels[b.level] || (rank.get(a.fault) ?? 0) - (rank.get(b.fault) ?? 0),
  );
}

/** The one cause that explains best why a run does not move; undefined where nothing is broken. */
export function causeOf(facts: Facts): Finding | undefined {
  return diagnose(facts).find(({ level }) => level === "broken");
}

// --- internal ---

/** The controller knows more than these probes: what it says that no canary can start is never "nothing is broken". */
function blockedBy(facts: Facts): Finding[] {
  const { blocked } = { ...facts.canary?.status };
  if (!blocked) return [];
  const evidence = `status.blocked of Canary ${nameOf(facts.canary)}`;
  return [
    {
      fault: "blocked",
      level: "broken",
      what: blocked.what,
      evidence,
      cure: kubectlCanary(facts, `status ${nameOf(facts.canary)}`),
    },
  ];
}

const levels: Record<Finding["level"], number> = { broken: 0, warning: 1 };
