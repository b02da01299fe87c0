/**
 * What the bundle has in place of the undici package. client-node names it for requests of its own; ours go over
 * `node:https` (shared/kube), and undici is half of the bundle's start and does not load on Node 20.
 */
class NotBundled {
  constructor() {
    throw new Error("undici is not part of this bundle: requests to the cluster go through shared/kube.");
  }
}

export const Agent = NotBundled;
export const ProxyAgent = NotBundled;
export const fetch = globalThis.fetch;
