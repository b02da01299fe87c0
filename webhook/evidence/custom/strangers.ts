/** How a Prometheus is asked that is not the controller's own: its address is a tenant's, and so is what it answers. */
import type { V1EndpointSlice } from "@kubernetes/client-node";
import { isListedByItself } from "../../../shared/core/queries/allowed-addresses.ts";
import type { MetricServer } from "../../../shared/core/queries/query-template.ts";
import { createAddressGuard } from "../../../shared/guarded-lookup.ts";
import type { Timers } from "../../../shared/kube/clock.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { messageOf } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Logger } from "../../../shared/log.ts";
import { asRequested, createPrometheus, type Prometheus } from "../../../shared/prometheus.ts";

interface Servers {
  /** The controller's own. */
  metricsServer: string;
  /** As the chart lists them. */
  allowedAddresses: readonly string[];
}

/** `apiServers`: IP addresses that a stranger's name must not lead to. `maxBytes`: of an answer, where less than usual is enough. */
export function connectTo(
  server: MetricServer & { address: string },
  { timers, ...servers }: Servers & { timers: Timers },
  { apiServers, maxBytes = Infinity }: { apiServers: readonly string[]; maxBytes?: number | undefined },
): Prometheus {
  const { address, headers, insecureSkipVerify } = server;
  const options = {
    timers,
    address,
    maxBytes: Math.min(maxBytes, largestAnswer(address, servers)),
    ...(headers ? { headers } : {}),
    ...(insecureSkipVerify ? { insecureSkipVerify } : {}),
  };
  if (isOwn(address, servers)) return createPrometheus(options);
  // What the chart lists by itself was decided by whoever installed it, wherever it leads.
  const guard = isListedAlone(address, servers) ? {} : { guard: createAddressGuard(apiServers) };
  return createPrometheus({ ...options, ...guard, isForeign: true });
}

/** Bytes. To read an answer takes time in which nobody else is looked after, so that a tenant's server must be short. */
export function largestAnswer(address: string, servers: Servers): number {
  return isOwn(address, servers) || isListedAlone(address, servers) ? 10_000_000 : 1_000_000;
}

/** Where this cluster's API server is: its Service, and what is behind it. Whatever cannot be read is left out, and logged. */
export async function addressesOfApiServers(
  { cluster, log }: { cluster: Cluster; log: Pick<Logger, "warn"> },
  serviceHost: string | undefined,
): Promise<string[]> {
  // The one slice that API servers keep of themselves: an account that is bound to namespaces may read no other there.
  const fieldSelector = "metadata.name=kubernetes";
  try {
    const { items } = await cluster.list<V1EndpointSlice>(resource.endpointSlices, {
      namespace: "default",
      fieldSelector,
    });
    const behind = items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
    return [...behind, ...(serviceHost === undefined ? [] : [serviceHost])];
  } catch (error: unknown) {
    log.warn({ reason: messageOf(error) }, "the API server's own addresses could not be read");
    return serviceHost === undefined ? [] : [serviceHost];
  }
}

// --- internal ---

const isOwn = (address: string, { metricsServer }: Servers): boolean =>
  asRequested(address) === asRequested(metricsServer);

const isListedAlone = (address: string, { allowedAddresses }: Servers): boolean =>
  isListedByItself(asRequested(address), allowedAddresses);
