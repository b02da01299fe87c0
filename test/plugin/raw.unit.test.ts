// Whatever strings a cluster's objects have, the plugin prints nothing raw of them, and no line to paste runs what stands in them.
import fc from "fast-check";
import { expect, it } from "vitest";
import { runCli } from "../../plugin/cli/cli.ts";
import type { Session } from "../../plugin/cluster/session.ts";
import { type CanaryError, fromStatus } from "../../shared/kube/errors.ts";
import type { Cluster, Page } from "../../shared/kube/cluster.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Stored } from "../../shared/kube/store.ts";
import { RecordingCluster } from "../recording-cluster.ts";
import { states } from "./fixtures/states.ts";
import { aTerminal } from "./fixtures/terminal.ts";

const payload = "\u001b]52;c;QQ==\u0007\u001b[2J\r\n\u202e\u2028INJECTED $(touch x) `id` ; 'a\" | sh & > y";

/** What the API server restricts to names and moments, so that no text can be in it. */
const restricted = new Set([
  "name",
  "namespace",
  "uid",
  "kind",
  "apiVersion",
  "resourceVersion",
  "plural",
  "controller",
]);
const restrictedParts = new Set(["labels", "matchLabels", "selector", "ownerReferences"]);

/** `pick` says of the n-th text whether it is poisoned. */
function poisoned<T>(value: T, pick: (n: number) => boolean, counter = { n: 0 }): T {
  if (typeof value === "string") {
    const isMoment = !Number.isNaN(Date.parse(value)) && /^\d{4}-/.test(value);
    return (isMoment || !pick(counter.n++) ? value : `${value}${payload}`) as T & string;
  }
  if (Array.isArray(value)) return value.map((item: unknown) => poisoned(item, pick, counter)) as T & unknown[];
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) => {
    const stays = restrictedParts.has(key) || (restricted.has(key) && typeof item === "string");
    return [key, stays ? item : poisoned(item, pick, counter)];
  });
  return Object.fromEntries(entries) as T & object;
}

/** Gives whatever it has of a kind, under every name; everything is permitted, and nobody answers a command. */
class Playback extends RecordingCluster {
  private readonly objects: readonly { of: Resource; object: Stored }[];
  private readonly onWatch: () => void;

  constructor(objects: readonly { of: Resource; object: Stored }[], onWatch: () => void) {
    super(objects);
    this.objects = objects;
    this.onWatch = onWatch;
  }

  override async get<T>(of: Resource, at: { name: string }): Promise<T> {
    const found = this.objects.filter((one) => one.of.kind === of.kind).map(({ object }) => object);
    const named = found.find(({ metadata }) => metadata?.name === at.name) ?? found[0];
    if (!named) throw refusal(404, `${of.kind} ${at.name} not found ${payload}`);
    return Promise.resolve(structuredClone(named) as T);
  }

  override list<T>(of: Resource): Promise<Page<T>> {
    return super.list<T>(of);
  }

  /** Whoever waits for news is called off. */
  override watch(): AsyncIterable<never> {
    this.onWatch();
    throw refusal(500, `the watch ended ${payload}`);
  }
}

/** As the API server words it, or whatever stands in its place. */
const refusal = (code: number, message: string): CanaryError =>
  fromStatus({ server: "https://api", what: "GET /x" }, { kind: "Status", code, message }, code);

const verbs = [
  ["status", "podinfo"],
  ["status", "podinfo", "-o", "wide"],
  ["list"],
  ["list", "-o", "wide"],
  ["explain", "podinfo"],
  ["history", "podinfo"],
  ["events", "podinfo"],
  ["diff", "podinfo"],
  ["stats", "podinfo"],
  ["stats", "podinfo", "--show-query"],
  ["doctor", "podinfo"],
  ["version"],
  ["init", "deploy/podinfo", "--dry-run"],
  ["undo", "podinfo", "--to", "podinfo:9"],
  ["undo", "podinfo"],
  ["promote", "podinfo"],
  ["rollback", "podinfo"],
  ["resume", "podinfo"],
  ["retry", "podinfo"],
  ["adopt", "podinfo"],
  ["wait", "podinfo", "--timeout", "10ms"],
];

async function printedBy(argv: string[], objects: readonly { of: Resource; object: Stored }[]): Promise<string> {
  const io = aTerminal({ columns: 20_000, env: { NO_COLOR: "1" } });
  const over = new AbortController();
  const cluster: Cluster = new Playback(objects, () => over.abort());
  const session = {
    deps: { ...io, cluster, signal: over.signal },
    scope: { namespace: "test", clusterFlags: "", controllerNamespace: "kubectl-canary" },
    forward: () => Promise.reject(new Error(`no way ${payload}`)),
  } as unknown as Session;
  await runCli(argv, io, () => Promise.resolve(session));
  return io.out() + io.err();
}

/** What a shell would make of a line to paste, but for what stands in single quotes. Words around a command are not pasted. */
function unquoted(line: string): string {
  const pasted = /^\s*(?:cure: (?:.*?: )?)?(kubectl .*)$/.exec(line)?.[1] ?? "";
  return pasted.replace(/'[^']*'/g, "''");
}

function objectsOf(name: string, pick: (n: number) => boolean): { of: Resource; object: Stored }[] {
  const { canary, target, workload, route, lease } = states[name]!;
  const parts: [Resource, Stored | null | undefined][] = [
    [resource.canaries, canary],
    [resource.deployments, target],
    [resource.deployments, workload],
    [route?.kind === "HTTPRoute" ? resource.httpRoutes : resource.trafficSplits, route],
    [resource.leases, lease],
  ];
  const counter = { n: 0 };
  return parts.flatMap(([of, object]) => (object ? [{ of, object: poisoned(object, pick, counter) }] : []));
}

/** What of it drives a terminal or a shell, with a piece of what is around it. */
function rawIn(printed: string): string[] {
  const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.exec(printed);
  const lines = printed.split("\n");
  return [
    ...(raw ? [printed.slice(Math.max(0, raw.index - 80), raw.index + 40)] : []),
    ...lines.filter((line) => line.trimStart().startsWith("INJECTED")),
    ...lines.filter((line) => /\$\(touch|`id`/.test(unquoted(line))),
  ];
}

async function found(name: string, argv: string[], pick: (n: number) => boolean): Promise<string[]> {
  const printed = await printedBy(argv, objectsOf(name, pick));
  return rawIn(printed).map((what) => `${argv.join(" ")}: ${what}`);
}

it("knows what is raw", () => {
  expect(rawIn("kubectl get pods 'a$(touch x)'\nsee kubectl: $(touch x)\n  x INJECTED")).toEqual([]);
  expect(rawIn("kubectl get pods a$(touch x)")).toHaveLength(1);
  expect(rawIn("cure: edit it, or: kubectl get pods `id`")).toHaveLength(1);
  expect(rawIn("a\n  INJECTED\nb\u001b[2J")).toHaveLength(2);
});

it.each(Object.keys(states))("texts that drive a terminal or a shell are not printed raw: %s", async (name) => {
  const all = await Promise.all(verbs.map((argv) => found(name, argv, () => true)));
  expect(all.flat()).toEqual([]);
});

it("not even in an image to which a rejected change is taken back, where that of the change is as it should be", async () => {
  for (let at = 0; at < 64; at += 1) expect(await found("failed", ["status", "podinfo"], (n) => n === at)).toEqual([]);
});

it("whichever of the texts they are", async () => {
  const cases = fc.record({
    name: fc.constantFrom(...Object.keys(states)),
    argv: fc.constantFrom(...verbs),
    mask: fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ name, argv, mask }) => {
      expect(await found(name, argv, (n) => mask[n % mask.length] ?? false)).toEqual([]);
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60), seed: Number(process.env["SEED"] ?? 1) },
  );
});
