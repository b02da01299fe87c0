// Stands in for Linkerd-SMI's adaptor: writes a ServiceProfile for each TrafficSplit, which is what proxies look at, and
// empties it when the split is deleted. A namespace's annotation makes it late (as the real one is where its limits
// throttle it) or absent.
import { ApiError, type Api } from "./api.ts";
import { durationMs } from "../policy/duration.ts";
import type { DstOverride, Namespace, ServiceProfile, TrafficSplit } from "../policy/objects.ts";
import { apexOf, fullName, overridesFor } from "../policy/profile.ts";
import { adaptorAnnotation } from "../settings.ts";

export const adaptorName = "smi-adaptor";
const madeBy = { "app.kubernetes.io/managed-by": adaptorName };

export interface AdaptorView {
  readonly splits: Iterable<TrafficSplit>;
  readonly profiles: Iterable<ServiceProfile>;
  profileFor(namespace: string, service: string): ServiceProfile | undefined;
  namespace(name: string): Namespace | undefined;
}

/** A profile that is not as it should be. */
export interface Overdue {
  readonly namespace: string;
  readonly name: string;
  readonly before: ServiceProfile | undefined;
  readonly overrides: readonly DstOverride[];
  /** Milliseconds that the adaptor lets pass before it writes. */
  readonly delayMs: number;
}

/** What is to be written. Pure. */
export function overdue(view: AdaptorView): Overdue[] {
  const wanted = new Map<string, Overdue>();
  for (const split of view.splits) {
    const { namespace } = split.metadata;
    const name = fullName(namespace, apexOf(split));
    const before = view.profileFor(namespace, apexOf(split));
    wanted.set(`${namespace}/${name}`, { namespace, name, before, overrides: overridesFor(split), delayMs: 0 });
  }
  for (const before of view.profiles) {
    const { namespace, name, labels = {} } = before.metadata;
    // What others wrote into a ServiceProfile is theirs.
    if (labels["app.kubernetes.io/managed-by"] !== adaptorName || wanted.has(`${namespace}/${name}`)) continue;
    wanted.set(`${namespace}/${name}`, { namespace, name, before, overrides: [], delayMs: 0 });
  }
  return [...wanted.values()].flatMap((each) => {
    const delay = view.namespace(each.namespace)?.metadata.annotations?.[adaptorAnnotation];
    if (delay === "never" || same(each.before?.spec?.dstOverrides ?? [], each.overrides)) return [];
    return [{ ...each, delayMs: durationMs(delay) ?? 0 }];
  });
}

const same = (a: readonly DstOverride[], b: readonly DstOverride[]): boolean => canonical(a) === canonical(b);

const canonical = (overrides: readonly DstOverride[]): string =>
  JSON.stringify(overrides.map(({ authority, weight }) => [authority, String(weight)]));

/** Call what it returns after every change of the cluster. */
export function adaptor(api: Api, view: AdaptorView): () => void {
  const timers = new Map<string, { readonly what: string; readonly timer: NodeJS.Timeout }>();
  const look = (): void => {
    const all = overdue(view);
    const keys = new Set(all.map(({ namespace, name }) => `${namespace}/${name}`));
    for (const [key, { timer }] of timers) {
      if (keys.has(key)) continue;
      clearTimeout(timer);
      timers.delete(key);
    }
    for (const each of all) schedule(each);
  };
  const schedule = (each: Overdue): void => {
    const key = `${each.namespace}/${each.name}`;
    const what = JSON.stringify([each.overrides, each.delayMs, each.before?.metadata.resourceVersion]);
    const before = timers.get(key);
    if (before?.what === what) return;
    clearTimeout(before?.timer);
    const timer = setTimeout(() => {
      write(api, each).catch((error: unknown) => {
        // It changed meanwhile, and its own event brings it here again; or the API server is away for a moment.
        if (!(error instanceof ApiError && error.status === 409)) process.stderr.write(`${String(error)}\n`);
        timers.delete(key);
        setTimeout(look, RETRY_MS);
      });
    }, each.delayMs);
    timers.set(key, { what, timer });
  };
  return look;
}

const RETRY_MS = 500;

async function write(api: Api, { namespace, name, before, overrides }: Overdue): Promise<void> {
  const path = `/apis/linkerd.io/v1alpha2/namespaces/${namespace}/serviceprofiles`;
  const typed = { apiVersion: "linkerd.io/v1alpha2", kind: "ServiceProfile" };
  const { dstOverrides: _old, ...rest } = before?.spec ?? {};
  const spec = { ...rest, ...(overrides.length > 0 ? { dstOverrides: overrides } : {}) };
  const manager = `fieldManager=${adaptorName}`;
  if (!before) return api.post(`${path}?${manager}`, { ...typed, metadata: { name, namespace, labels: madeBy }, spec });
  const metadata = { ...before.metadata, labels: { ...before.metadata.labels, ...madeBy } };
  return api.put(`${path}/${name}?${manager}`, { ...typed, metadata, spec });
}
