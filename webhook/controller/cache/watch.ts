/** A cache of one resource that wakes the Canaries which a change concerns. */
import type { Clock } from "../../../shared/kube/clock.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import type { ReflectorOptions } from "../../../shared/kube/reflector.ts";
import { reflect } from "../../../shared/kube/reflectors.ts";
import type { Resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { Cache } from "./cache.ts";

export interface WatchDeps {
  cluster: Cluster;
  clock: Clock;
  random: () => number;
  /** The namespaces that are looked after; all, where the list is empty. */
  namespaces: readonly string[];
  /** Told the keys (`namespace/name`) of the Canaries that a change concerns. */
  wake(keys: readonly string[]): void;
  onError(resource: string, error: Error, retryInMs: number): void;
  /** Told of an object that is left out, because it does not have the shape of its kind. */
  onUnreadable(resource: string, error: Error): void;
}

export type Keys<T> = (object: T) => readonly string[];

export interface WatchOptions<T> extends Omit<ReflectorOptions<T>, "resource" | "onChange" | "onError" | "namespace"> {
  keys: Keys<T>;
  /** Whether a change of an object that stays is news to those Canaries; any is unless given. */
  isNews?: (old: T, now: T) => boolean;
  /** Namespaces where this is watched beside the others. */
  besides?: readonly string[];
}

export function watchInto<T extends Stored>(
  deps: WatchDeps,
  of: Resource,
  { keys, isNews = () => true, besides = [], ...options }: WatchOptions<T>,
): Cache<T> {
  const told: ReflectorOptions<T> = {
    ...options,
    resource: of,
    onChange: (old, now) => {
      cache.saw(old, now);
      if (old && now && !isNews(old, now)) return;
      deps.wake([...new Set([old, now].flatMap((object) => (object ? keys(object) : [])))]);
    },
    onUnreadable: (error) => deps.onUnreadable(of.plural, error),
    onError: (error, retryInMs) => deps.onError(of.plural, error, retryInMs),
  };
  const { namespaces } = deps;
  const where = namespaces.length === 0 ? [] : [...new Set([...namespaces, ...besides])];
  const cache: Cache<T> = new Cache<T>(reflect<T>(deps, told, where));
  return cache;
}
