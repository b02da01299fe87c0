/**
 * What a Canary's spec names: checked for what cannot be a name, a port or an address at all. What the schema of the
 * definition would refuse is refused here too: it is asked later, and its errors would come after ours, not with them.
 */
import type { CanarySpec, ServiceSpec } from "../objects/canary.ts";
import { checkServiceSettings } from "./service-settings.ts";
import { longestAddress, shown } from "../queries/allowed-addresses.ts";
import { longestLabel } from "../objects/names.ts";

type Add = (path: string, message: string) => void;

/** Flagger's list; routes are made for some of them only. */
export const providers = [
  ...["apisix", "appmesh", "appmesh:v1beta2", "contour", "gatewayapi:v1", "gatewayapi:v1beta1", "gloo", "istio"],
  ...["knative", "kubernetes", "kuma", "linkerd", "nginx", "osm", "skipper", "smi:v1alpha1", "smi:v1alpha2"],
  ...["smi:v1alpha3", "traefik"],
] as const;
export const targetKinds = ["DaemonSet", "Deployment", "Service"] as const;

export function checkReferences(spec: CanarySpec, add: Add): void {
  const { targetRef, service, provider, metricsServer, progressDeadlineSeconds: deadline } = spec;
  checkTarget(targetRef ?? {}, add);
  if (provider !== undefined) oneOf(provider, providers, { path: "spec.provider", add });
  if (metricsServer && !isAddress(metricsServer))
    add("spec.metricsServer", `${shown(String(metricsServer))} is not a URL such as http://prometheus.monitoring:9090`);
  if (deadline !== undefined && !(deadline > 0 && deadline <= longestDeadline))
    add("spec.progressDeadlineSeconds", `${deadline} must be above 0 and at most ${longestDeadline}`);
  if (service !== undefined) checkService(service, add);
  checkApex(spec, add);
}

/** A value as it stands in the YAML: a text in quotes, so that "10" is not taken for 10. */
export function quoted(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}

// --- internal ---

/** Of a Deployment, in seconds: 32 bits. */
const longestDeadline = 2_147_483_647;

/** Asked before the schema is, of anything that is written there. */
const isAddress = (text: unknown): boolean =>
  typeof text === "string" && text.length <= longestAddress && /^https?:\/\/[^/\s]/.test(text);

function checkTarget({ name, kind, apiVersion }: Partial<CanarySpec["targetRef"]>, add: Add): void {
  if (!apiVersion) add("spec.targetRef.apiVersion", "is required");
  if (!kind) add("spec.targetRef.kind", "is required");
  else oneOf(kind, targetKinds, { path: "spec.targetRef.kind", add });
  if (!name) return add("spec.targetRef.name", "is required");
  // It stands in commands that people paste.
  if (!/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name))
    add(
      "spec.targetRef.name",
      `${quoted(name)} cannot be a Deployment's name (lower case letters, digits, "-" and ".")`,
    );
  if (name.length <= longestLabel) return;
  add(
    "spec.targetRef.name",
    `"${name}" is ${name.length} characters; Linkerd writes the Deployment's name on its pods as a label, which holds ${longestLabel}: no pod of it can be meshed. Give it a shorter name`,
  );
}

function checkService(service: Partial<ServiceSpec>, add: Add): void {
  const { port, targetPort, gatewayRefs = [] } = service;
  checkServiceSettings(service, add);
  if (port === undefined) add("spec.service.port", "is required");
  else checkPort(port, "spec.service.port", add);
  if (typeof targetPort === "number") checkPort(targetPort, "spec.service.targetPort", add);
  gatewayRefs.forEach((ref, index) => {
    if (!ref.name) add(`spec.service.gatewayRefs[${index}].name`, "is required");
  });
}

function checkPort(port: unknown, path: string, add: Add): void {
  const isPort = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (!isPort) add(path, `${quoted(port)} is not a port (1 to 65535)`);
}

function checkApex({ service, targetRef }: CanarySpec, add: Add): void {
  const named = service?.name;
  const name = named || targetRef?.name;
  if (name) checkServiceName(name, named ? "spec.service.name" : "spec.targetRef.name", add);
}

/** `path`: where the name was taken from. */
function checkServiceName(name: string, path: string, add: Add): void {
  if (name.length > longestLabel && path === "spec.service.name")
    add(path, `"${name}" is ${name.length} characters; a Service's name has ${longestLabel} at most`);
  if (/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) return;
  const cure = path === "spec.service.name" ? "" : ": give the Service's in spec.service.name";
  add(path, `${quoted(name)} cannot be a Service's name (lower case letters, digits and "-")${cure}`);
}

function oneOf(value: string, known: readonly string[], { path, add }: { path: string; add: Add }): void {
  if (!known.includes(value)) add(path, `${quoted(value)} is none of ${known.join(", ")}`);
}
