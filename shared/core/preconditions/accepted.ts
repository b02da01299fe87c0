/** What a Canary says of policies that tell its tracks apart: that they are meant to. */
import type { Canary } from "../objects/canary.ts";
import { annotation } from "../objects/names.ts";
import { kubectlIn, nameOf, type Known, type SeenObjects } from "./finding.ts";

/** `kind` in lower case, as kubectl takes it: `networkpolicy`. */
export function isAccepted(canary: Known<Canary>, kind: string, name: string): boolean {
  return acceptedIn(canary).includes(`${kind}/${name}`);
}

/** Words in brackets with a command that accepts this one too. */
export function acceptCure({ canary, namespace }: SeenObjects, kind: string, name: string): string {
  const all = [...new Set([...acceptedIn(canary), `${kind}/${name}`])].join(",");
  const words = `annotate canaries.flagger.app ${nameOf(canary)} --overwrite ${annotation.acceptedPolicies}=${all}`;
  return `(or, where it is meant so, ${kubectlIn(namespace, words)})`;
}

// --- internal ---

function acceptedIn(canary: Known<Canary>): string[] {
  const text = canary?.metadata.annotations?.[annotation.acceptedPolicies] ?? "";
  return text.split(",").flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
}
