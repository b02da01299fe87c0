/** Canaries of a small shop in many states, one of them in the middle of a run, with the numbers of its checks so far. */
import type { CoreV1Event, V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus, TrackStatus } from "../../shared/core/objects/canary-status.ts";
import { pause, systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { place, placeController, setStatus } from "../plugin/fixtures/place.ts";
import { aSplit, now as fixtureNow } from "../plugin/fixtures/seen.ts";
import { states } from "../plugin/fixtures/states.ts";

const namespace = "shop";

/** By the Canary's name, the state that it is in. */
const fleet: Record<string, string> = {
  checkout: "progressing",
  search: "failed",
  cart: "held for client errors",
  payments: "promoting",
  catalog: "steady",
  mail: "steady",
  reviews: "running an unvetted change",
};

/** `now` in ms: the fixtures' times are moved there. */
export async function placeFleet(cluster: Cluster, now: number): Promise<void> {
  await placeController(cluster);
  for (const [name, state] of Object.entries(fleet)) {
    const seen = states[state];
    if (!seen) throw new Error(`There is no state "${state}".`);
    const own = renamed(moved(seen, now - fixtureNow), name);
    await place(cluster, { ...own, lease: undefined }, { namespace, controllerNamespace: namespace });
  }
  await makeReady(cluster);
  await tell(cluster, now);
}

/** Each time of the fixture, moved by `ms`. */
export function moved<T>(value: T, ms: number): T {
  const text = JSON.stringify(value).replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"/g, (quoted) =>
    JSON.stringify(new Date(Date.parse(JSON.parse(quoted) as string) + ms).toISOString()),
  );
  return JSON.parse(text) as T;
}

// --- internal ---

function renamed<T>(seen: T, name: string): T {
  return JSON.parse(JSON.stringify(seen).replaceAll("podinfo", name).replaceAll("stefanprodan", "acme")) as T;
}

const intervalMs = 10_000;
const checksSoFar = 12;

/** Checks of the run one after the other, as a dashboard sees them that was there from its start; each is told apart by its time. */
export async function playRun(cluster: Cluster, now: number): Promise<void> {
  for (let check = 0; check < checksSoFar; check++) {
    const canary = await cluster.get<Canary>(resource.canaries, { name: "checkout", namespace });
    const status = statusAt(canary, check, now);
    await setStatus(cluster, canary, status);
    await setRoute(cluster, status.canaryWeight ?? 0);
    await pause(systemClock, feedMs, new AbortController().signal);
  }
}

/** Longer than the feed gathers changes. */
const feedMs = 350;

function statusAt({ status = {} }: Canary, check: number, now: number): CanaryStatus {
  const at = new Date(now - (checksSoFar - 1 - check) * intervalMs - 3_000).toISOString();
  const { run, tracks } = status;
  if (!run || !tracks) throw new Error("The fixture has no run.");
  const step = Math.floor(check / 2.4);
  const weight = (step + 1) * 10;
  const wave = (check * 7) % 5;
  return {
    ...status,
    trend: [],
    canaryWeight: weight,
    reason: `Weight ${weight} passed 1 check: 99.61% of 1176 requests succeeded, P99 44ms.`,
    next: `Weight ${weight + 10} if the next check passes.`,
    run: {
      ...run,
      // Another than the one that was there before: its numbers are no longer shown.
      id: "4",
      step,
      startedAt: new Date(now - (checksSoFar + 0.5) * intervalMs).toISOString(),
      stageAt: at,
      checkAt: new Date(now + intervalMs).toISOString(),
      comparison: { ...aComparison, evidence: 1.8 },
    },
    tracks: {
      ...tracks,
      at,
      primary: { ...tracks.primary, ...numbers(100 - weight, 99.9 + (check % 3) * 0.04, 31 + (check % 4) * 3) },
      canary: { ...tracks.canary, ...numbers(weight, 99.4 + (check % 4) * 0.15, 44 + wave * 6) },
    },
  };
}

async function setRoute(cluster: Cluster, weight: number): Promise<void> {
  const { metadata, spec } = renamed({ route: aSplit(weight) }, "checkout").route;
  const body = { metadata: { annotations: metadata.annotations }, spec };
  await cluster.patch(resource.trafficSplits, { name: "checkout", namespace }, { type: "merge", body });
}

function numbers(weight: number, successPercent: number, latencyMsP99: number): Partial<TrackStatus> {
  const shares = { weightPercent: weight, requestsPerSecond: weight, requests: weight * 60 };
  return { ...shares, successPercent, latencyMsP99, latencyMsP95: latencyMsP99 / 2.6, latencyMsP50: latencyMsP99 / 8 };
}

const aComparison = {
  canary: { requests: 2904, failures: 14 },
  primary: { requests: 9411, failures: 21 },
  logEvidence: [],
  read: { epoch: 1, canary: { requests: 0, failures: 0 }, primary: { requests: 0, failures: 0 } },
};

/** What kubelets would say of the pods. */
async function makeReady(cluster: Cluster): Promise<void> {
  const { items } = await cluster.list<V1Deployment>(resource.deployments, { namespace });
  for (const { metadata, spec } of items) {
    const replicas = spec?.replicas ?? 0;
    const at = { name: metadata?.name ?? "", namespace, subresource: "status" };
    const body = { status: { replicas, readyReplicas: replicas, updatedReplicas: replicas } };
    await cluster.patch(resource.deployments, at, { type: "merge", body });
  }
}

const said = [
  ["Normal", "New version checkout:1.7.1 (run 3), asked for by alice: running pods stay until it is judged"],
  ["Normal", "Weight 10 passed 1 check: 99.61% of 402 requests succeeded, P99 44ms"],
  ["Warning", "request-success-rate 98.10% is below 99% (1 of 5 failed checks)"],
  ["Normal", "Weight 20 passed 1 check: 99.83% of 1176 requests succeeded, P99 44ms"],
] as const;

async function tell(cluster: Cluster, now: number): Promise<void> {
  const { metadata } = await cluster.get<Canary>(resource.canaries, { name: "checkout", namespace });
  for (const [index, [type, message]] of said.entries()) {
    const event: CoreV1Event = {
      metadata: { name: `checkout.${index}`, namespace },
      involvedObject: { kind: "Canary", name: "checkout", namespace, uid: metadata.uid ?? "" },
      type,
      reason: "Synced",
      message,
      count: 1,
      lastTimestamp: new Date(now - (said.length - index) * 20_000),
    };
    await cluster.create(resource.coreEvents, event);
  }
}
