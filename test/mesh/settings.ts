// The numbers that the injector, the redirection and the proxy must agree on; Linkerd's own.

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

/** Where the image holds its Node and its bundle. */
export const nodePath = "/bin/node";
export const bundlePath = "/mesh/main.cjs";

export const controlNamespace = "linkerd";
/** Name of the control plane's Deployment, Service, account and webhook configuration. */
export const meshName = "stand-in-mesh";
export const meshImage = "kubectl-canary/stand-in-mesh:local";
