/** Webhooks that the controller may not ask, wherever their addresses lead: told before any run stands at one for ever. */
import type { HookType } from "../objects/hook-types.ts";
import { refusalOf, webhookAddress } from "../queries/allowed-addresses.ts";
import { hooksOf } from "../spec/hooks.ts";
import { kubectlIn, nameOf, type Rule, type Rules } from "./finding.ts";

/** Nothing waits for these. */
const harmless: readonly HookType[] = ["event", "post-rollout"];

const webhookAddressRefused: Rule = ({ canary, namespace, hookAddresses }) => {
  if (!canary || !hookAddresses) return [];
  return hooksOf(canary.spec.analysis).hooks.flatMap(({ name, type, url }) => {
    const refusal = refusalOf(url, hookAddresses, namespace, webhookAddress);
    if (refusal === undefined) return [];
    return [
      {
        level: harmless.includes(type) ? ("warning" as const) : ("missing" as const),
        what: `Webhook ${name} (${type}) cannot be asked: ${refusal}.`,
        evidence: `spec.analysis.webhooks of Canary ${nameOf(canary)}`,
        cure: { run: kubectlIn(namespace, `edit canary ${nameOf(canary)}`) },
      },
    ];
  });
};

export const webhookRules = { "webhook-address-refused": webhookAddressRefused } satisfies Rules;
