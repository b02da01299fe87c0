/**
 * Asks one webhook: a POST of JSON to an address that a tenant chose. What is known of its answer is its code and its kind, and no word
 * of it: whoever reads a status must not read by it what the controller can reach.
 */
import { isListedByItself, refusalOf, webhookAddress } from "../../shared/core/queries/allowed-addresses.ts";
import type { Hook } from "../../shared/core/spec/hooks.ts";
import { createAddressGuard } from "../../shared/guarded-lookup.ts";
import type { Timers } from "../../shared/kube/clock.ts";
import { asRequested } from "../../shared/prometheus.ts";
import { post } from "../outbound/post.ts";
import { SendError } from "../outbound/send-error.ts";

export interface HookAddresses {
  /** Hosts beside Services of the Canary's own namespace, as the chart lists them. */
  hookAddresses: readonly string[];
  /** IP addresses of the API server, which nothing that a tenant names may lead to. */
  apiServers: readonly string[];
}

export interface HookResult {
  passed: boolean;
  /** In a clause. */
  what: string;
  /** Another attempt may come to something else. */
  isPassing?: true;
}

interface Asking extends HookAddresses {
  namespace: string;
  timers: Timers;
}

/** One attempt; never rejects. */
export async function askHook(hook: Hook, body: string, at: Asking): Promise<HookResult> {
  const refusal = refusedAddress(hook.url, at);
  if (refusal !== undefined) return { passed: false, what: refusal };
  try {
    const isListed = isListedByItself(asRequested(hook.url), at.hookAddresses);
    const { status } = await post({
      url: new URL(hook.url),
      timers: at.timers,
      body,
      timeoutMs: hook.timeoutMs,
      insecureSkipVerify: hook.skipsVerify,
      // What the chart lists by itself was decided by whoever installed it, wherever it leads.
      ...(isListed ? {} : { guard: createAddressGuard(at.apiServers) }),
    });
    return resultOf(status);
  } catch (error: unknown) {
    return failureOf(error);
  }
}

// --- internal ---

/** Undefined where a Canary of `namespace` may have it asked. */
function refusedAddress(
  url: string,
  { namespace, hookAddresses }: Pick<HookAddresses, "hookAddresses"> & { namespace: string },
): string | undefined {
  return refusalOf(asRequested(url), hookAddresses, namespace, webhookAddress);
}

function resultOf(status: number): HookResult {
  if (status >= 200 && status < 300) return { passed: true, what: `it answered ${status}` };
  if (status >= 300 && status < 400)
    return { passed: false, what: `it answered ${status}, a redirect, which is not followed` };
  const isPassing = status === 429 || (status >= 500 && status !== 501);
  return { passed: false, what: `it answered ${status}`, ...(isPassing ? { isPassing } : {}) };
}

function failureOf(error: unknown): HookResult {
  if (!(error instanceof SendError)) return { passed: false, what: "it cannot be asked" };
  const code = tlsFault(error);
  if (code !== undefined) return { passed: false, what: `TLS to it fails (${code})` };
  const isPassing = error.kind === "unreachable" || error.kind === "broken-off";
  return { passed: false, what: error.message, ...(isPassing ? { isPassing } : {}) };
}

const tlsCodes = /CERT|ISSUER|SELF_SIGNED|SIGNATURE|^INVALID_|PATH_LENGTH|HOSTNAME|^ERR_(?:TLS|SSL)|^EPROTO$/;

/** Node names what is wrong with a certificate, or the handshake, in an error's code. */
function tlsFault({ cause }: SendError): string | undefined {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === "string" && tlsCodes.test(code) ? code : undefined;
}
