/**
 * Which addresses an AlertProvider may name: https to anywhere that is public, and what the chart's `alerts.allowedAddresses` lists.
 * This is about names; where they lead is checked when the connection is made. Sentences have the host and never the path, which for
 * most receivers is the secret.
 */
import { hostOf, isListed, isListedByItself } from "../queries/allowed-addresses.ts";

/** `public`: only what the Internet routes. `cluster`: what is guarded is not. `anywhere`: whoever installed the chart decided. */
export type Reach = "public" | "cluster" | "anywhere";

/** How far a connection to this address may lead, or why there is none, in a clause. */
export function reachOf(address: string, allowed: readonly string[]): { reach: Reach } | { refusal: string } {
  const host = hostOf(address);
  if (host === undefined) return { refusal: "its address is no http or https address; correct it" };
  if (isListedByItself(address, allowed)) return { reach: "anywhere" };
  if (isListed(address, allowed)) return { reach: "cluster" };
  if (/^https:/i.test(address)) return { reach: "public" };
  return {
    refusal: `${host} is not asked by https; use https, or list the host in the chart's alerts.allowedAddresses`,
  };
}
