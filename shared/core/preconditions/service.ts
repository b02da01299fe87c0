/** The Services of the namespace: the ports that the Canary names, and who else would send to canary pods. */
import type { V1Service } from "@kubernetes/client-node";
import { isWithoutService, type Canary, type ServiceSpec } from "../objects/canary.ts";
import { canaryLeaf, label } from "../objects/names.ts";
import { isOurApex } from "../objects/ownership.ts";
import { alsoSelects, canaryPodLabels, discoveredPorts } from "../objects/workload.ts";
import { selectedLabels } from "../selectors/track-label.ts";
import { apexOfTarget, trackIn } from "./track.ts";
import { kubectlIn, nameOf, patchIn, type Finding, type Rule, type Rules, type SeenObjects } from "./finding.ts";

const portMismatch: Rule = (seen) => {
  const { canary, services, apexName } = seen;
  if (!canary || !services || isWithoutService(canary)) return [];
  const apex = services.find((service) => nameOf(service) === apexName);
  if (apex && !isOurApex(canary, apex)) return missingPort(seen, canary, apex);
  const { service } = canary.spec;
  return service ? missingContainerPort(seen, canary, service) : noPortNamed(seen, canary);
};

type Found = Omit<Finding, "code">[];

function missingPort({ apexName, namespace }: SeenObjects, canary: Canary, { spec = {} }: V1Service): Found {
  const ports = (spec.ports ?? []).map(({ port }) => port);
  const wanted = canary.spec.service?.port ?? ports[0];
  if (wanted !== undefined && ports.includes(wanted)) return [];
  const has = ports.join(", ") || "none";
  return [
    {
      level: "missing",
      what: `Service ${apexName} has no port ${wanted ?? "at all"} (it has ${has}): correct spec.service.port.`,
      evidence: `spec.service.port is ${wanted ?? "not set"}; the Service has ${has}`,
      cure: { run: portCure(namespace, canary, ports) },
    },
  ];
}

function portCure(namespace: string, canary: Canary, [first]: readonly number[]): string {
  if (first === undefined) return edit(namespace, canary);
  const patch = `'{"spec":{"service":{"port":${first}}}}'`;
  return kubectlIn(namespace, `patch canary ${nameOf(canary)} --type merge -p ${patch}`);
}

const edit = (namespace: string, canary: Canary): string => kubectlIn(namespace, `edit canary ${nameOf(canary)}`);

function noPortNamed({ apexName, namespace }: SeenObjects, canary: Canary): Found {
  return [
    {
      level: "missing",
      what: `Service ${apexName} was not found and spec.service names no port: create the Service, or set spec.service.port.`,
      evidence: `no Service ${apexName} in namespace ${namespace}`,
      cure: { run: edit(namespace, canary) },
    },
  ];
}

/** The apex is to be made: the target's containers must have its port, where it goes by name. */
function missingContainerPort({ target, namespace }: SeenObjects, canary: Canary, service: ServiceSpec): Found {
  const wanted = service.targetPort || service.port;
  if (target === undefined || typeof wanted === "number") return [];
  const declared = (target?.spec?.template.spec?.containers ?? []).flatMap(({ ports = [] }) => ports);
  const names = declared.flatMap(({ name }) => name ?? []);
  if (names.includes(wanted)) return [];
  return [
    {
      level: "missing",
      what: `No container of the target has a port named ${wanted}: correct spec.service.targetPort.`,
      evidence: `spec.service.targetPort is ${wanted}; the containers name ${names.join(", ") || "none"}`,
      cure: { run: edit(namespace, canary) },
    },
  ];
}

/** A Service of the user's own is not written: what is to be there beside what is there is said. */
const serviceFieldsUnread: Rule = (seen) => {
  const { canary, apexName, namespace } = seen;
  const apex = apexOfTarget(seen);
  const service = canary?.spec.service;
  if (!canary || !service || !apex || isOurApex(canary, apex)) return [];
  const differing = [...portDiffers(seen, service, apex), ...undiscovered(seen, service, apex)];
  if (differing.length === 0) return [];
  return [
    {
      level: "warning",
      what: `Service ${apexName} is your own and keeps its ports, whatever spec.service says: ${differing.join("; ")}. Change the Service, or spec.service.`,
      evidence: `ports of Service ${apexName}, and the spec of Canary ${nameOf(canary)}`,
      cure: { run: edit(namespace, canary) },
    },
  ];
};

/** Nothing where the Service has no such port at all: that is another rule's. */
function portDiffers({ target }: SeenObjects, service: ServiceSpec, apex: V1Service): string[] {
  const { port, targetPort, portName, appProtocol } = service;
  const found = apex.spec?.ports?.find((one) => one.port === port);
  if (!found) return [];
  const goes = found.targetPort ?? port;
  const isElsewhere = targetPort && containerPort(target, targetPort) !== containerPort(target, goes);
  const words = [
    ...(isElsewhere ? [`targetPort ${goes} and not ${targetPort}`] : []),
    ...differs("name", found.name, portName),
    ...differs("appProtocol", found.appProtocol, appProtocol),
  ];
  return words.length === 0 ? [] : [`its port ${port} has ${words.join(", ")}`];
}

function differs(field: string, found: string | undefined, wanted: string | undefined): string[] {
  if (!wanted || found === wanted) return [];
  return [found ? `${field} ${found} and not ${wanted}` : `no ${field} ${wanted}`];
}

/** Ports of the target's containers that the Service leads to by none of its own. */
function undiscovered(
  { target }: SeenObjects,
  { port, portDiscovery }: ServiceSpec,
  { spec = {} }: V1Service,
): string[] {
  if (!portDiscovery || !target) return [];
  const { ports = [] } = spec;
  const led = ports.map((one) => containerPort(target, one.targetPort ?? one.port));
  const missing = discoveredPorts(target, { port }).filter(({ port: of }) => !led.includes(of));
  const names = missing.map(({ name, port: of }) => `${name} (${of})`);
  return names.length === 0 ? [] : [`it has no port for ${names.join(", ")}`];
}

/** By its number where the target's containers name it, else as it is written. */
function containerPort(target: SeenObjects["target"], port: number | string): number | string {
  const declared = (target?.spec?.template.spec?.containers ?? []).flatMap(({ ports = [] }) => ports);
  return declared.find(({ name }) => name === port)?.containerPort ?? port;
}

/** Services other than ours that would send users to canary pods outside the weights. */
function leakingServices({ target, services = [], apexName }: SeenObjects, key: string | undefined): V1Service[] {
  if (!target || key === undefined) return [];
  const labels = canaryPodLabels(target, key);
  return services.filter(
    (service) =>
      alsoSelects(service, labels) &&
      nameOf(service) !== canaryLeaf(apexName) &&
      service.metadata?.labels?.[label.canary] === undefined,
  );
}

const serviceLeak: Rule = (seen) => {
  const { target, namespace } = seen;
  const key = trackIn(seen);
  const leaking = leakingServices(seen, key);
  const [first] = leaking;
  if (!target || key === undefined || !first) return [];
  const names = leaking.map(nameOf);
  const their = names.length === 1 ? "its selector" : "their selectors";
  const value = selectedLabels(target.spec?.selector)[key] ?? "";
  return [
    {
      level: "missing",
      what: `Service ${names.join(", ")} would also select canary pods and send them users outside the weights: give ${their} the label that tells tracks apart, or delete.`,
      evidence: leaking.map((one) => `selector ${selectorText(one)} of ${nameOf(one)}`).join("; "),
      cure: {
        run: kubectlIn(
          namespace,
          `patch svc ${names.join(" ")} --type merge -p '{"spec":{"selector":{"${key}":"${value}"}}}'`,
        ),
      },
    },
  ];
};

const selectorText = ({ spec }: V1Service): string => labelText(spec?.selector);

const labelText = (labels: Record<string, string> = {}): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** Where the apex is not the target's, a route would send somebody else's users to the target's pods. */
const apexNotTarget: Rule = (seen) => {
  const { target, namespace, apexName, targetName } = seen;
  const apex = apexOfTarget(seen);
  const spec = target?.spec;
  const podLabels = spec?.template.metadata?.labels;
  if (!spec || !apex || alsoSelects(apex, { ...podLabels })) return [];
  const found = selectorText(apex);
  const selects = found === "" ? "no pods at all" : `pods with ${found}`;
  const patch = { spec: { selector: selectedLabels(spec.selector) } };
  return [
    {
      level: "missing",
      what: `Service ${apexName} selects ${selects}, not those of Deployment ${targetName}: it gets no route. Correct spec.service.name, or the Service's selector.`,
      evidence: `selector ${found || "none"} of Service ${apexName}; pod labels ${labelText(podLabels)}`,
      cure: {
        say: "name another Service in spec.service.name, or",
        run: patchIn(namespace, `svc ${apexName}`, patch),
      },
    },
  ];
};

/** Clients of a headless Service find the pods by DNS, and no route is obeyed for it. */
const apexHeadless: Rule = (seen) => {
  const apex = apexOfTarget(seen);
  if (apex?.spec?.clusterIP !== "None") return [];
  const { namespace, apexName, canary } = seen;
  return [
    {
      level: "missing",
      what: `Service ${apexName} is headless (clusterIP None): its clients go to pods directly, past every weight, so no canary can get a share. Name a Service with a cluster IP in spec.service.name.`,
      evidence: `spec.clusterIP of Service ${apexName} is None`,
      cure: { run: kubectlIn(namespace, `edit canary ${nameOf(canary)}`) },
    },
  ];
};

export const serviceRules = {
  "apex-headless": apexHeadless,
  "apex-not-target": apexNotTarget,
  "port-mismatch": portMismatch,
  "service-fields-unread": serviceFieldsUnread,
  "service-leak": serviceLeak,
} satisfies Rules;
