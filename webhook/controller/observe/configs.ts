/**
 * What the target's template refers to, read one by one where chart and Canary want it: hashes are kept, and never what they are of.
 * What could not be read is left out, and said.
 */
import type { V1ConfigMap, V1Deployment, V1Secret } from "@kubernetes/client-node";
import { absentConfig, hashConfig, hashKeyId } from "../../../shared/config-hash.ts";
import { configKey, referredConfigs, type ConfigReference } from "../../../shared/core/config/references.ts";
import { configWords, type ConfigHashes, type ConfigsSeen } from "../../../shared/core/config/tracking.ts";
import { commandIn } from "../../../shared/core/commands/codec.ts";
import { pendingCommand } from "../../../shared/core/commands/during-run.ts";
import type { CanaryState } from "../../../shared/core/state.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { someOf } from "../../../shared/core/format/some-of.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { annotation } from "../../../shared/core/objects/names.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode, messageOf } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { keyOf } from "../../../shared/kube/store.ts";
import { createHashKey } from "./hash-key.ts";
import type { CanaryObjects } from "../cache/canary-objects.ts";

export interface ConfigDeps {
  cluster: Pick<Cluster, "get">;
  now(): number;
  /** Where the chart lets them be read. */
  namespaces: readonly string[];
  /** How old what is known may be. */
  freshMs: number;
  /** What hashes are made with. */
  hashKey(): Promise<string>;
  /** Told of a Canary, `namespace/name`, of which something else is known now. */
  wake(key: string): void;
}

export interface ConfigsLook {
  /** As `Observation.configs`. */
  seen: ConfigsSeen | null | undefined;
  /** Neither there nor optional, as `configmap/NAME`. */
  missing: string[];
  warnings: string[];
  /** When to look again. */
  againMs?: number;
}

/** A template may refer to as many as this. */
export const mostConfigs = 256;

/** How many are asked for at once, of one Canary. */
const atOnce = 8;

interface Read {
  at: number;
  /** Of what. */
  of: string;
  /** Undefined where there was no key to be had. */
  keyId: string | undefined;
  hashes: ConfigHashes;
  missing: string[];
  /** With the first reason. */
  unread: { names: string[]; why: string } | undefined;
}

const nothing = { missing: [], warnings: [] };

export class ConfigReads {
  private readonly deps: ConfigDeps;
  private readonly known = new Map<string, Read>();
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(deps: ConfigDeps) {
    this.deps = deps;
  }

  /** Waits for what is not known at all, unless `isUrgent`; what is known and old is asked for beside it. */
  async look({ canary, target, namespace }: CanaryObjects, isUrgent: boolean): Promise<ConfigsLook> {
    if (!this.isAsked(canary, namespace)) return { seen: null, ...nothing };
    if (!target) return { seen: undefined, ...nothing };
    const all = referredConfigs(target.spec?.template);
    const references = all.slice(0, mostConfigs);
    const key = keyOf(canary);
    const of = JSON.stringify(references);
    const before = this.known.get(key);
    const isKnown = before?.of === of;
    if (!isKnown || this.deps.now() - before.at >= this.deps.freshMs) {
      const reading = this.refresh(key, { namespace, references, of });
      if (!isKnown && !isUrgent) await reading;
    }
    return lookOf(this.known.get(key), { of, all, references, target, againMs: this.deps.freshMs });
  }

  forget(key: string): void {
    this.known.delete(key);
  }

  private isAsked({ metadata }: Canary, namespace: string): boolean {
    const isEnabled = metadata.annotations?.[annotation.configTracking] === "enabled";
    return isEnabled && this.deps.namespaces.includes(namespace);
  }

  private refresh(
    key: string,
    asked: { namespace: string; references: readonly ConfigReference[]; of: string },
  ): Promise<void> {
    const now = this.underWay.get(key);
    if (now) return now;
    const reading = this.read(asked)
      .then((read) => {
        const before = this.known.get(key);
        this.known.set(key, read);
        if (before && factsIn(before) !== factsIn(read)) this.deps.wake(key);
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, reading);
    return reading;
  }

  private async read({
    namespace,
    references,
    of,
  }: {
    namespace: string;
    references: readonly ConfigReference[];
    of: string;
  }): Promise<Read> {
    const found = { hashes: {} as Record<string, string>, missing: [] as string[], unread: [] as string[], why: "" };
    const waiting = [...references];
    const hashKey = await this.deps.hashKey().catch((error: unknown) => {
      found.why = messageOf(error);
      return undefined;
    });
    const one = async (): Promise<void> => {
      for (let next = waiting.shift(); next && hashKey !== undefined; next = waiting.shift()) {
        try {
          const hash = await this.hashOf(namespace, next, hashKey);
          if (hash !== undefined) found.hashes[configKey(next)] = hash;
        } catch (error: unknown) {
          if (hasCode(error, "NotFound")) found.missing.push(configKey(next));
          else found.unread.push(configKey(next));
          found.why ||= messageOf(error);
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    const { hashes, missing } = found;
    const names = hashKey === undefined ? references.map(configKey) : found.unread;
    const unread = names.length > 0 ? { names, why: found.why } : undefined;
    const keyId = hashKey === undefined ? undefined : hashKeyId(hashKey);
    return { at: this.deps.now(), of, keyId, hashes, missing: missing.sort(), unread };
  }

  /** Undefined where its changes are not to start anything. */
  private async hashOf(
    namespace: string,
    { kind, name, optional: isOptional }: ConfigReference,
    hashKey: string,
  ): Promise<string | undefined> {
    const of = kind === "Secret" ? resource.secrets : resource.configMaps;
    try {
      const object = await this.deps.cluster.get<V1ConfigMap | V1Secret>(of, { namespace, name });
      return isTracked(object) ? hashConfig(object, { kind, namespace, name }, hashKey) : undefined;
    } catch (error: unknown) {
      if (isOptional && hasCode(error, "NotFound")) return absentConfig;
      throw error;
    }
  }
}

/** Undefined where the chart lets none be read. `namespace`: the controller's own. */
export function createConfigReads(
  {
    cluster,
    now,
    namespace,
    configNamespaces: namespaces = [],
    configIntervalMs: freshMs = 15_000,
    hashKeySecret: name,
  }: Pick<ConfigDeps, "now"> & {
    cluster: Cluster;
    namespace: string;
    configNamespaces?: readonly string[];
    configIntervalMs?: number;
    hashKeySecret?: string;
  },
  wake: (key: string) => void,
): ConfigReads | undefined {
  if (namespaces.length === 0 || name === undefined) return undefined;
  return new ConfigReads({
    cluster,
    now,
    namespaces,
    freshMs,
    wake,
    hashKey: createHashKey(cluster, { namespace, name }),
  });
}

/** A command that waits for its answer does not wait for this. */
export function configsOf(
  { configs }: { configs?: Pick<ConfigReads, "look"> },
  objects: CanaryObjects,
  state: CanaryState,
): Promise<ConfigsLook> | undefined {
  const command = commandIn(objects.canary);
  const isUrgent = pendingCommand({ state, seen: { ...optional("command", command) } }) !== undefined;
  return configs?.look(objects, isUrgent);
}

export function withConfigsSeen<T extends { warnings: string[]; configs?: ConfigsSeen | null }>(
  observed: T,
  look: ConfigsLook | undefined,
): T {
  const warnings = [...observed.warnings, ...(look?.warnings ?? [])];
  const seen = look ? look.seen : null;
  return { ...observed, warnings, ...optional("configs", seen) };
}

// --- internal ---

function lookOf(
  found: Read | undefined,
  asked: { of: string; all: ConfigReference[]; references: ConfigReference[]; target: V1Deployment; againMs: number },
): ConfigsLook {
  const { of, all, references, target, againMs } = asked;
  const warnings = [...tooMany(all), ...unreadWords(found)];
  if (found?.of !== of || found.keyId === undefined) return { seen: undefined, missing: [], warnings, againMs };
  const { keyId, hashes, missing, unread } = found;
  const unknown = [...missing, ...(unread?.names ?? [])];
  const seen = { key: keyId, hashes, unknown, references, ...optional("mark", markOn(target)) };
  return { seen, missing, warnings, againMs };
}

const trackedTypes = ["Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"];

/** As Flagger has it: by its annotation, and for Secrets by what they are for. */
function isTracked(object: V1ConfigMap | V1Secret): boolean {
  if (object.metadata?.annotations?.[annotation.flaggerTracking]?.startsWith("disable")) return false;
  const type = "type" in object ? (object.type ?? "Opaque") : "Opaque";
  return trackedTypes.includes(type);
}

const markOn = ({ spec }: V1Deployment): string | undefined =>
  spec?.template.metadata?.annotations?.[annotation.config];

const factsIn = ({ hashes, missing, unread, keyId }: Read): string =>
  JSON.stringify([Object.entries(hashes).sort(), missing, unread?.names, keyId]);

function tooMany(all: readonly ConfigReference[]): string[] {
  const rest = all.length - mostConfigs;
  if (rest <= 0) return [];
  return [
    `The template refers to ${all.length} ConfigMaps and Secrets: the first ${mostConfigs} are tracked, the other ${rest} are not.`,
  ];
}

function unreadWords(read: Read | undefined): string[] {
  if (!read?.unread) return [];
  const { names, why } = read.unread;
  return [`${someOf(names.sort().map(configWords))} cannot be read, and a change is not seen: ${why}`];
}
