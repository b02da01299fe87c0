// The numbers that the injector, the redirection and the proxy must agree on; Linkerd's own.
import type { ProxyClock } from "./outbound/entry.ts";

export const inboundPort = 4143;
export const outboundPort = 4140;
/** Metrics, readiness. */
export const adminPort = 4191;
/** The proxy's user: its own connections are not redirected. */
export const proxyUid = 2102;

/** Ports of the control plane's pod. */
export const webhookPort = 8443;
export const destinationsPort = 8086;

export interface ProbePath {
  readonly port: number;
  readonly path: string;
}

/** Identity of a meshed pod, as Linkerd writes it in `client_id` and `server_id`. */
export const identityOf = (serviceAccount: string, namespace: string): string =>
  `${serviceAccount}.${namespace}.serviceaccount.identity.linkerd.cluster.local`;

/** On an answer of the caller's proxy itself: the Service that it had chosen. Linkerd has nothing like it; tests do. */
export const backendHeader = "stand-in-mesh-backend";

/** Where the image holds its Node and its bundle. */
export const nodePath = "/bin/node";
export const bundlePath = "/mesh/main.cjs";

export const controlNamespace = "linkerd";
/** Name of the control plane's Deployment, Service, account and webhook configuration. */
export const meshName = "stand-in-mesh";
export const meshImage = "kubectl-canary/stand-in-mesh:local";

/** Linkerd's, as seen. */
const linkerdClock: ProxyClock = {
  initialMs: 3000,
  firstBackoffMs: 1000,
  lastBackoffMs: 60_000,
  idleMs: 300_000,
  failFastMs: 3000,
};

const NEVER_MS = 1e12;

/** Of a mesh that learns of every endpoint at once. */
export const promptClock: ProxyClock = { ...linkerdClock, initialMs: NEVER_MS, idleMs: NEVER_MS, failFastMs: 300 };

/** `speed`: how many times faster than Linkerd's this proxy's clock runs; 0 for a proxy that learns of endpoints at once. */
export function proxyClock(speed: number): ProxyClock {
  if (!(speed > 0)) return promptClock;
  const { initialMs, firstBackoffMs, lastBackoffMs, idleMs, failFastMs } = linkerdClock;
  return {
    initialMs: initialMs / speed,
    firstBackoffMs: firstBackoffMs / speed,
    lastBackoffMs: lastBackoffMs / speed,
    idleMs: idleMs / speed,
    failFastMs: failFastMs / speed,
  };
}

/**
 * On a pod or its namespace: how many times faster than Linkerd's the proxy's clock of endpoint discovery runs; "1" without it,
 * and "0" for a proxy that learns of endpoints at once.
 */
export const clockAnnotation = "stand-in-mesh/discovery-clock";
/** On a namespace: after how long the adaptor writes what a TrafficSplit says ("20s"), or "never". */
export const adaptorAnnotation = "stand-in-mesh/adaptor-delay";
