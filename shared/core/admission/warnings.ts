/**
 * What admission says to the person at the keyboard. The API server's advice is 120 characters a line, and kubectl puts
 * `Warning: ` before each: so one thought per line, and a command is never cut in two.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { label } from "../objects/names.ts";

export const maxWarning = 120;

/** A new template was held: what, and how to follow it or wait for the verdict. */
export function held(object: V1Deployment, change: string): string[] {
  const { name, namespace } = placeOf(object);
  return [
    sentence(`canary ${name}.${namespace} holds `, change, ": running pods stay until it is judged"),
    command("watch: ", [`kubectl canary status ${name} -n ${namespace}`, `kubectl canary status ${name}`]),
    command("wait for the verdict: ", [
      `kubectl -n ${namespace} rollout status deploy ${name}`,
      `kubectl rollout status deploy ${name}`,
    ]),
  ];
}

/** `rollout resume` on a rollout that a canary holds. */
export function stillHeld(object: V1Deployment): string[] {
  const { name, namespace } = placeOf(object);
  return [
    sentence(
      "canary ",
      `${name}.${namespace}`,
      " holds this rollout, so it stays paused; to end the analysis yourself:",
    ),
    command("now: ", [`kubectl canary promote ${name} -n ${namespace}`, `kubectl canary promote ${name}`]),
    command("never: ", [`kubectl canary rollback ${name} -n ${namespace}`, `kubectl canary rollback ${name}`]),
  ];
}

/** The writer tried to set, change or remove marks of ours. */
export function forged(object: V1Deployment): string[] {
  const { namespace } = placeOf(object);
  return [
    `the ${label.target} label and its like are the controller's own: left as they were`,
    command("to opt out, delete the Canary: ", [`kubectl -n ${namespace} get canaries`, `kubectl get canaries`]),
  ];
}

/** The Deployment was copied from one that is gated: our label names another object. */
export function copied(object: V1Deployment): string[] {
  const { name, namespace } = placeOf(object);
  return [
    sentence("no canary gates ", `${name}.${namespace}`, ": its label was copied from another Deployment"),
    command("remove it: ", [
      `kubectl -n ${namespace} label deploy ${name} ${label.target}-`,
      `kubectl label deploy ${name} ${label.target}-`,
    ]),
  ];
}

/** A Deployment was created from a copy or a backup of one that is gated. */
export function createdWithMarks(object: V1Deployment, isPaused: boolean): string[] {
  const { name, namespace } = placeOf(object);
  const said = sentence(
    "the marks of a canary are left out of ",
    `${name}.${namespace}`,
    ": they are another object's",
  );
  if (!isPaused) return [said];
  const resume = command("it is paused, as that one was held; to run its pods: ", [
    `kubectl -n ${namespace} rollout resume deploy ${name}`,
    `kubectl rollout resume deploy ${name}`,
  ]);
  return [said, resume];
}

/** Break-glass: the change goes out as it is. */
export function unheld(object: V1Deployment, change: string): string[] {
  const { name, namespace } = placeOf(object);
  return [
    sentence(`${name}.${namespace}: `, change, " goes out WITHOUT a canary"),
    `because of the label ${label.bypass}, which is good for one change`,
  ];
}

/** The sentence of a refusal; refusals have no limit of length. */
export function promoting(object: V1Deployment, run: string): string {
  const { name, namespace } = placeOf(object);
  return (
    `canary ${name}.${namespace} is promoting a judged version (run ${run}), and the Deployment is rolling to it: ` +
    `apply this change again in a few seconds, or see: kubectl canary status ${name} -n ${namespace}`
  );
}

// --- internal ---

function placeOf(object: V1Deployment): { name: string; namespace: string } {
  return { name: object.metadata?.name ?? "", namespace: object.metadata?.namespace ?? "" };
}

/** The middle is shortened where the whole would be too long; the start too if it is very long. */
function sentence(start: string, middle: string, end: string): string {
  const room = Math.max(1, maxWarning - start.length - end.length);
  return shorten(start + shorten(middle, room) + end, maxWarning);
}

/** The first form that fits; a command that fits in no form is better left whole than cut. */
function command(lead: string, forms: readonly [string, string]): string {
  return lead.length + forms[0].length <= maxWarning ? lead + forms[0] : forms[1];
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
