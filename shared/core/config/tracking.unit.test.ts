// When a change of ConfigMaps and Secrets is a change to be judged.
import { describe, expect, it } from "vitest";
import { configKey, referredConfigs, type ConfigReference } from "./references.ts";
import {
  changedConfigs,
  configWarnings,
  trackConfigs,
  wantedMark,
  type ConfigsSeen,
  type ConfigState,
} from "./tracking.ts";

const container = { name: "podinfod" };
const app: ConfigReference = { kind: "ConfigMap", name: "app", optional: false, live: false };
const tls: ConfigReference = { kind: "Secret", name: "tls", optional: false, live: true };

const seen = (hashes: Record<string, string>, mark?: string, references = [app, tls]): ConfigsSeen => ({
  key: "k1",
  hashes,
  references,
  unknown: references.map(configKey).filter((one) => !(one in hashes)),
  ...(mark === undefined ? {} : { mark }),
});
const a = { "configmap/app": "a", "secret/tls": "t" };
const b = { "configmap/app": "b", "secret/tls": "t" };
const baseline: ConfigState = { key: "k1", tracked: a };
const markFor = (hashes: Record<string, string>, state = baseline): string =>
  wantedMark(trackConfigs(state, seen(hashes), false)!)!;

describe("what a template refers to", () => {
  it.each<[string, object, object[]]>([
    [
      "env",
      {
        containers: [{ ...container, env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "app", key: "a" } } }] }],
      },
      [app],
    ],
    ["envFrom", { containers: [{ ...container, envFrom: [{ configMapRef: { name: "app" } }] }] }, [app]],
    [
      "init containers",
      { containers: [container], initContainers: [{ name: "i", envFrom: [{ configMapRef: { name: "app" } }] }] },
      [app],
    ],
    [
      "a Secret in env",
      { containers: [{ ...container, env: [{ name: "A", valueFrom: { secretKeyRef: { name: "tls", key: "a" } } }] }] },
      [{ ...tls, live: false }],
    ],
    [
      "a Secret in envFrom, optional",
      { containers: [{ ...container, envFrom: [{ secretRef: { name: "tls", optional: true } }] }] },
      [{ ...tls, live: false, optional: true }],
    ],
    [
      "a volume",
      {
        containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }],
        volumes: [{ name: "v", secret: { secretName: "tls" } }],
      },
      [tls],
    ],
    [
      "a projected volume",
      {
        containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }],
        volumes: [{ name: "v", projected: { sources: [{ configMap: { name: "app" } }, { secret: { name: "tls" } }] } }],
      },
      [{ ...app, live: true }, tls],
    ],
    [
      "a volume by subPath, which Kubernetes does not update",
      {
        containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v", subPath: "f" }] }],
        volumes: [{ name: "v", configMap: { name: "app" } }],
      },
      [app],
    ],
    [
      "neither",
      { containers: [{ ...container, env: [{ name: "A", value: "1" }] }], volumes: [{ name: "v", emptyDir: {} }] },
      [],
    ],
  ])("is found in %s", (_where, spec, found) => expect(referredConfigs({ spec } as never)).toEqual(found));

  it("is one for all references, optional where all are, and 200 are 200", () => {
    const env = [{ name: "A", valueFrom: { configMapKeyRef: { name: "app", key: "a", optional: true } } }];
    const both = { ...container, env, envFrom: [{ configMapRef: { name: "app" } }] };
    expect(referredConfigs({ spec: { containers: [both] } })).toEqual([app]);
    const envFrom = Array.from({ length: 200 }, (_, index) => ({ configMapRef: { name: `app-${index}` } }));
    expect(referredConfigs({ spec: { containers: [{ ...container, envFrom }] } })).toHaveLength(200);
    expect(referredConfigs(undefined)).toEqual([]);
  });
});

describe("tracking", () => {
  it("begins with what stable has, and with no run", () => {
    expect(trackConfigs(undefined, seen(a), false)).toBeUndefined();
    expect(trackConfigs(undefined, seen(a), true)).toEqual(baseline);
  });

  it("marks what has changed, and takes the mark back where it was changed back", () => {
    const changed = trackConfigs(baseline, seen(b), true)!;
    expect(changed.pending).toEqual({ mark: wantedMark(changed), changed: { "configmap/app": "b" } });
    expect(changedConfigs(changed)).toBe("ConfigMap app");
    const back = trackConfigs(changed, seen(a, wantedMark(changed)), false)!;
    expect(back).toEqual({ ...baseline, marked: changed.pending });
    expect(trackConfigs(back, seen(a), true)).toEqual(baseline);
    expect(wantedMark(back)).toBeUndefined();
  });

  it("marks another change under way as another, and the same as the same", () => {
    expect(markFor({ ...b, "configmap/app": "c" })).not.toBe(markFor(b));
    const viaC = trackConfigs(trackConfigs(baseline, seen({ ...b, "configmap/app": "c" }), false), seen(b), false)!;
    expect(wantedMark(viaC)).toBe(markFor(b));
  });

  it("takes for no change what cannot be read, or is gone", () => {
    expect(trackConfigs(baseline, seen({}), true)).toEqual(baseline);
    expect(trackConfigs(baseline, seen({ "secret/tls": "t" }), true)).toEqual(baseline);
  });

  it("goes on with a change that it can no longer read", () => {
    const changed = trackConfigs(baseline, seen(b), true)!;
    const mark = wantedMark(changed);
    expect(wantedMark(trackConfigs(changed, seen({}, mark), false)!)).toBe(mark);
    const excluded = { ...seen({}, mark), unknown: [] };
    expect(trackConfigs(changed, excluded, false)?.pending).toBeUndefined();
  });

  it("takes for another change what changes while a version is promoted", () => {
    const mark = markFor(b);
    const c = { ...b, "configmap/app": "c" };
    const promoting = trackConfigs(trackConfigs(baseline, seen(b), false), seen(c, mark), false)!;
    expect(promoting.marked).toEqual({ mark, changed: { "configmap/app": "b" } });
    const promoted = trackConfigs(promoting, seen(c, mark), true)!;
    expect(promoted).toEqual({
      ...{ key: "k1", tracked: b, mark },
      pending: { mark: markFor(c), changed: { "configmap/app": "c" } },
    });
  });

  it("compares with what was promoted, once it was", () => {
    const mark = markFor(b);
    const changed = trackConfigs(baseline, seen(b, mark), false)!;
    const promoted = trackConfigs(changed, seen(b, mark), true)!;
    expect(promoted).toEqual({ key: "k1", tracked: b, mark });
    expect(wantedMark(trackConfigs(promoted, seen(a, mark), true)!)).not.toBe(mark);
  });

  it("starts nothing by an object that a new template brings, and does by its change", () => {
    const more: ConfigReference = { ...app, name: "more" };
    const brought = trackConfigs(baseline, seen({ ...a, "configmap/more": "m" }, undefined, [app, tls, more]), false)!;
    expect(brought.pending).toBeUndefined();
    const rotated = trackConfigs(brought, seen({ ...a, "configmap/more": "n" }, undefined, [app, tls, more]), false)!;
    expect(changedConfigs(rotated)).toBe("ConfigMap more");
  });

  it("forgets what stable no longer refers to, once it is settled", () => {
    expect(trackConfigs(baseline, seen({ "configmap/app": "a" }, undefined, [app]), false)?.tracked).toEqual(a);
    expect(trackConfigs(baseline, seen({ "configmap/app": "a" }, undefined, [app]), true)?.tracked).toEqual({
      "configmap/app": "a",
    });
  });

  it("compares nothing with hashes of another key", () => {
    const other = { ...seen({ "configmap/app": "x", "secret/tls": "y" }), key: "k2" };
    expect(trackConfigs(baseline, other, false)).toEqual(baseline);
    expect(trackConfigs(baseline, other, true)).toEqual({ key: "k2", tracked: other.hashes });
  });

  it("says what Kubernetes lets through to stable's pods", () => {
    const changed = trackConfigs(baseline, seen({ "configmap/app": "b", "secret/tls": "u" }), true)!;
    expect(configWarnings(changed, seen(b))).toEqual([
      "Changed and mounted as a volume: Secret tls. Kubernetes updates it in stable's pods too, within about a minute. A name made from the content keeps versions apart.",
      "Changed and not judged: ConfigMap app. A pod of stable that starts now (scaled up, evicted) reads it.",
    ]);
    expect(configWarnings(baseline, seen(a))).toEqual([]);
  });
});
