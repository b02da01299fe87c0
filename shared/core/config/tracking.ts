/**
 * When a change of configuration is a change to be judged. Hashes come from outside; what is decided here is which mark the target's
 * template is to carry: a mark that is not stable's makes another intent of the same template, and everything else follows from that.
 */
import { optional } from "../format/compact.ts";
import { checksum } from "../format/checksum.ts";
import { someOf } from "../format/some-of.ts";
import { sortedJson } from "../format/sorted-json.ts";
import { configKey, type ConfigReference } from "./references.ts";

export type ConfigHashes = Readonly<Record<string, string>>;

export interface ConfigState {
  /** Which key the hashes were made with: those of another are not compared. */
  key: string;
  /** What stable was released with, by the keys of the objects; of what only a later template refers to, what was first seen. */
  tracked: ConfigHashes;
  /** On stable's template; absent until a change of configuration was promoted. */
  mark?: string;
  /** What has changed since. */
  pending?: ConfigChange;
  /** What the mark on the target's template stands for, where that is not stable's. */
  marked?: ConfigChange;
}

export interface ConfigChange {
  mark: string;
  changed: ConfigHashes;
}

export interface ConfigsSeen {
  key: string;
  /** Of those that could be read. */
  hashes: ConfigHashes;
  /** Keys of those that could not: they are as they were. */
  unknown: readonly string[];
  /** Of the target's present template. */
  references: readonly ConfigReference[];
  /** On the target's present template. */
  mark?: string;
}

/** `isSettled`: the target's template is stable's, and no run is under way. What could not be read has not changed. */
export function trackConfigs(
  before: ConfigState | undefined,
  seen: ConfigsSeen,
  isSettled: boolean,
): ConfigState | undefined {
  if (before?.key !== seen.key) return isSettled ? baseline(seen) : before;
  const { tracked, mark } = isSettled ? settled(before, seen) : before;
  const known = { ...seen.hashes, ...tracked };
  const present = { ...pick(before.pending?.changed ?? {}, (key) => seen.unknown.includes(key)), ...seen.hashes };
  const changed = pick(present, (key, hash) => known[key] !== hash);
  const isAny = Object.keys(changed).length > 0;
  return {
    key: seen.key,
    tracked: known,
    ...optional("mark", mark),
    ...(isAny ? { pending: { mark: markOf({ ...known, ...changed }, seen), changed } } : {}),
    ...optional("marked", seen.mark === mark ? undefined : markedBy(before, seen)),
  };
}

/** The mark that the target's template is to carry; undefined: none. */
export const wantedMark = ({ mark, pending }: ConfigState): string | undefined => pending?.mark ?? mark;

/** What has changed, as people name it: `ConfigMap app-config and Secret tls`. */
export function changedConfigs({ pending }: ConfigState): string {
  return someOf(Object.keys(pending?.changed ?? {}).map(configWords));
}

/** What Kubernetes lets through to stable's pods while a change is not promoted. */
export function configWarnings({ pending }: ConfigState, { references }: ConfigsSeen): string[] {
  const changed = references.filter((one) => pending && configKey(one) in pending.changed);
  const live = changed.filter((one) => one.live).map((one) => configWords(configKey(one)));
  const atStart = changed.filter((one) => !one.live).map((one) => configWords(configKey(one)));
  return [
    ...(live.length > 0
      ? [
          `Changed and mounted as a volume: ${someOf(live)}. Kubernetes updates it in stable's pods too, within about a minute. A name made from the content keeps versions apart.`,
        ]
      : []),
    ...(atStart.length > 0
      ? [`Changed and not judged: ${someOf(atStart)}. A pod of stable that starts now (scaled up, evicted) reads it.`]
      : []),
  ];
}

/** `configmap/app` as `ConfigMap app`. */
export function configWords(key: string): string {
  const [kind, ...name] = key.split("/");
  return `${kind === "secret" ? "Secret" : "ConfigMap"} ${name.join("/")}`;
}

// --- internal ---

const baseline = ({ key, hashes, mark }: ConfigsSeen): ConfigState => ({
  key,
  tracked: hashes,
  ...optional("mark", mark),
});

/** Stable carries the mark that is seen: it was released with what that stands for. */
function settled(before: ConfigState, seen: ConfigsSeen): Pick<ConfigState, "tracked" | "mark"> {
  const { tracked, mark } = before;
  const names = new Set(seen.references.map(configKey));
  // What has changed while it was promoted is a change since.
  const released = markedBy(before, seen)?.changed ?? seen.hashes;
  const all = seen.mark === mark ? tracked : { ...tracked, ...released };
  return { tracked: pick(all, (key) => names.has(key)), ...optional("mark", seen.mark) };
}

function markedBy({ pending, marked }: ConfigState, { mark }: ConfigsSeen): ConfigChange | undefined {
  return [marked, pending].find((change) => change?.mark === mark);
}

function pick(hashes: ConfigHashes, is: (key: string, hash: string) => boolean): ConfigHashes {
  return Object.fromEntries(Object.entries(hashes).filter(([key, hash]) => is(key, hash)));
}

/** The same for the same data, whatever was before it. */
function markOf(hashes: ConfigHashes, { references }: ConfigsSeen): string {
  const names = new Set(references.map(configKey));
  const text = sortedJson(pick(hashes, (key) => names.has(key)));
  return `${checksum(text)}${checksum(`again ${text}`)}`;
}
