/**
 * What the bundle has in place of client-node's generated API. KubeConfig names two things of it, to make API clients that we
 * never ask for; the rest, 500 models, would be four fifths of every start.
 */
export { createConfiguration } from "@kubernetes/client-node/dist/gen/configuration.js";
export { ServerConfiguration } from "@kubernetes/client-node/dist/gen/servers.js";

/** PortForward asks them for a Service's pods; we name the pod. */
export const CoreV1Api = undefined;
export const AppsV1Api = undefined;
