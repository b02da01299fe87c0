// ServiceProfiles: which one proxies look at for a Service, what it says, and what Linkerd-SMI's adaptor makes of a
// TrafficSplit. Pure.
import type { Backend } from "./destination.ts";
import type { DstOverride, ServiceProfile, TrafficSplit } from "./objects.ts";
import { parseWeight } from "./weight.ts";

const clusterDomain = "cluster.local";

export const fullName = (namespace: string, service: string): string => `${service}.${namespace}.svc.${clusterDomain}`;

/** The shares that a profile sets; `leaf` registers a Service and returns its key. Empty for a husk. */
export function overridesOf(
  profile: ServiceProfile | undefined,
  port: number,
  leaf: (namespace: string, name: string, port: number) => string,
): Backend[] {
  return (profile?.spec?.dstOverrides ?? []).flatMap(({ authority, weight }) => {
    const [, name, namespace, itsPort] = /^([^.:]+)\.([^.:]+)\.svc\.[^:]*?\.?(?::(\d+))?$/.exec(authority) ?? [];
    if (!name || !namespace) return [];
    return [{ leaf: leaf(namespace, name, Number(itsPort ?? port)), weight: parseWeight(weight) }];
  });
}

/** What the adaptor writes for a split, under `<service>.<namespace>.svc.cluster.local` in the split's namespace. */
export function overridesFor(split: TrafficSplit): DstOverride[] {
  return (split.spec.backends ?? []).map(({ service, weight }) => ({
    authority: fullName(split.metadata.namespace, service),
    weight: String(weight ?? 0),
  }));
}

/** Name of the Service that a split is about: it may be written as a full name. */
export const apexOf = (split: TrafficSplit): string => split.spec.service.split(".", 1)[0] ?? "";
