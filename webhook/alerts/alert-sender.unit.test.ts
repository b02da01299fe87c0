import type { V1Secret } from "@kubernetes/client-node";
import { afterEach, describe, expect, it } from "vitest";
import { chartProvider } from "../../shared/core/alerts/pending.ts";
import type { AlertProvider, AlertProviderSpec } from "../../shared/core/objects/alerts/alert-provider.ts";
import type { Alert } from "../../shared/core/state.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { systemClock, type Clock } from "../../shared/kube/clock.ts";
import { aReceiver, answering, type Answer, type Receiver } from "../../test/alerts/receiver.ts";
import { eventSchema, schemas } from "../../test/alerts/schemas.ts";
import { start } from "../../test/builders.ts";
import { givenCanary } from "../../test/given-objects.ts";
import { createSecretReader } from "../outbound/secret-reader.ts";
import { createAlertSender, type AlertSender, type AlertSenderDeps } from "./alert-sender.ts";
import { createEventSender } from "./event-webhook.ts";

const open: Receiver[] = [];
afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.close();
});

async function receiving(answer?: Answer): Promise<Receiver> {
  const receiver = await aReceiver({ schema: schemas.slack, ...(answer ? { answer } : {}) });
  open.push(receiver);
  return receiver;
}

/** What bounds one attempt. */
const bounds = [5_000, 120_000];

/** Who waits to try again waits no time; how long it would have been is noted. */
function eagerClock(waits: number[]): Clock {
  return {
    now: () => 0,
    wall: () => start,
    after: (ms, run) => {
      if (bounds.includes(ms)) return systemClock.after(ms, run);
      waits.push(ms);
      const timer = setImmediate(run);
      return () => clearImmediate(timer);
    },
  };
}

interface Scene {
  sender: AlertSender;
  /** The next time that a Canary is to be looked at. */
  woken: () => Promise<void>;
  waits: number[];
  counted: string[];
  logged: object[];
}

interface Given {
  providers?: Record<string, Partial<AlertProviderSpec>>;
  secrets?: Record<string, V1Secret>;
  over?: Partial<AlertSenderDeps>;
}

function aScene({ providers = {}, secrets = {}, over = {} }: Given): Scene {
  const [waits, counted, logged]: [number[], string[], object[]] = [[], [], []];
  const wakes: { told: number; go: (() => void)[] } = { told: 0, go: [] };
  const get = (_of: unknown, { namespace = "", name }: { namespace?: string; name: string }): Promise<unknown> => {
    const secret = secrets[`${namespace}/${name}`];
    return secret ? Promise.resolve(secret) : Promise.reject(new CanaryError("NotFound", "no such Secret"));
  };
  const log = (details: object, message: string): void => void logged.push({ ...details, message });
  const sender = createAlertSender({
    clock: eagerClock(waits),
    random: () => 1,
    log: { info: log, warn: log },
    recorder: { alert: (type, result) => void counted.push(`${type} ${result}`) },
    namespace: "kubectl-canary",
    providerNamespaces: [],
    allowedAddresses: ["127.0.0.1"],
    apiServers: [],
    provider: (namespace, name) => {
      const spec = providers[`${namespace}/${name}`];
      return spec && ({ spec: { type: "slack", ...spec } } as AlertProvider);
    },
    secret: createSecretReader(
      { cluster: { get: get as never }, now: () => start },
      { field: "spec.secretRef", value: "alerts.secretNamespaces" },
    ),
    wake: () => {
      const go = wakes.go.shift();
      if (go) go();
      else wakes.told++;
    },
    ...over,
  });
  const woken = (): Promise<void> =>
    new Promise((resolve) => {
      if (wakes.told === 0) return void wakes.go.push(resolve);
      wakes.told--;
      resolve();
    });
  return { sender, woken, waits, counted, logged };
}

const key = "test/podinfo";
const anAlert = (over: Partial<Alert> = {}): Alert => ({
  at: start,
  code: "rejected",
  severity: "error",
  message: "Rolling back podinfo:1.7.1: it failed.",
  fields: [{ name: "Target", value: "Deployment/podinfo.test" }],
  to: ["test/on-call"],
  ...over,
});

/** What became of one alert to one receiver. */
async function outcome(scene: Scene, alert = anAlert()): Promise<string | undefined> {
  scene.sender.submit(givenCanary(), [alert]);
  await scene.woken();
  return scene.sender.deliveries(key)[0]?.failure;
}

describe("an alert that was saved", () => {
  it("is sent to each receiver once, however often it is handed in, until the status has let it go", async () => {
    const { address, got } = await receiving();
    const scene = aScene({ providers: { "test/on-call": { address } } });
    for (let look = 0; look < 3; look++) scene.sender.submit(givenCanary(), [anAlert()]);
    await scene.woken();
    expect(scene.sender.deliveries(key)).toEqual([{ at: start, to: "test/on-call" }]);
    scene.sender.submit(givenCanary(), [anAlert()]);
    scene.sender.saved(key, [anAlert()]);
    expect(scene.sender.deliveries(key)).toHaveLength(1);
    scene.sender.saved(key, []);
    expect(scene.sender.deliveries(key)).toEqual([]);
    expect(got).toHaveLength(1);
    expect(scene.counted).toEqual(["slack sent"]);
  });

  it("is sent by whoever leads next, to those alone who have not got it", async () => {
    const [one, other] = [await receiving(), await receiving()];
    const providers = { "test/on-call": { address: one.address }, "test/team": { address: other.address } };
    const before = aScene({ providers });
    await outcome(before, anAlert({ to: ["test/on-call"] }));
    const after = aScene({ providers });
    await outcome(after, anAlert({ to: ["test/team"] }));
    expect([one.got.length, other.got.length]).toEqual([1, 1]);
  });

  it("arrives in the order in which a Canary's alerts were decided", async () => {
    const receiver = await receiving();
    const { sender } = aScene({ providers: { "test/on-call": { address: receiver.address } } });
    const alerts = [0, 1, 2, 3].map((at) => anAlert({ at: start + at, message: `the ${at}.` }));
    sender.submit(givenCanary(), alerts);
    const texts = (await receiver.arrived(4)).map(
      ({ body }) => (body as { attachments: { text: string }[] }).attachments[0]!.text,
    );
    expect(texts).toEqual(alerts.map(({ message }) => message));
  });

  it("names the cluster, where the chart has a name for it", async () => {
    const { address, got } = await receiving();
    const scene = aScene({ providers: { "test/on-call": { address } }, over: { clusterName: "production" } });
    expect(await outcome(scene)).toBeUndefined();
    expect(JSON.stringify(got[0]?.body)).toContain('{"title":"Cluster","value":"production"');
  });
});

describe("a receiver", () => {
  it("that recovers gets it after a while", async () => {
    const { address, got } = await receiving((response, count) => answering(count < 4 ? 503 : 200)(response, count));
    const scene = aScene({ providers: { "test/on-call": { address } } });
    expect(await outcome(scene)).toBeUndefined();
    expect(got).toHaveLength(4);
    expect(scene.waits).toEqual([1_000, 2_000, 4_000]);
    expect(scene.sender.trouble(key, ["test/on-call"])).toEqual([]);
  });

  it("that stays down is given up, and told of until one arrives", async () => {
    let status = 500;
    const { address, got } = await receiving((response, count) => answering(status, "swordfish")(response, count));
    const scene = aScene({ providers: { "test/on-call": { address } } });
    expect(await outcome(scene)).toBe(
      "The alert rejected did not reach AlertProvider on-call in test: it answered 500.",
    );
    expect(got).toHaveLength(8);
    expect(scene.waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
    expect(scene.sender.trouble(key, ["test/on-call"])).toEqual([
      "Alerts do not reach AlertProvider on-call in test: it answered 500.",
    ]);
    expect(scene.sender.trouble(key, ["test/another"])).toEqual([]);
    scene.sender.saved(key, []);
    await outcome(scene, anAlert({ at: start + 1 }));
    expect(got).toHaveLength(10);
    scene.sender.saved(key, []);
    status = 200;
    expect(await outcome(scene, anAlert({ at: start + 2 }))).toBeUndefined();
    expect(scene.sender.trouble(key, ["test/on-call"])).toEqual([]);
    expect(scene.counted).toEqual(["slack failed", "slack failed", "slack sent"]);
  });

  it("that says no is not asked again", async () => {
    const { address, got } = await receiving(answering(404));
    const scene = aScene({ providers: { "test/on-call": { address } } });
    expect(await outcome(scene)).toMatch(/it answered 404; see that its address is right/);
    expect(got).toHaveLength(1);
  });

  it("that hangs or never ends holds up nobody else", async () => {
    const [hanging, endless, well] = [
      await receiving(() => undefined),
      await receiving((response) => {
        response.on("drain", () => void response.write("x".repeat(65_536)));
        response.write("x".repeat(65_536));
      }),
      await receiving(),
    ];
    const providers = {
      "test/hanging": { address: hanging.address },
      "test/endless": { address: endless.address },
      "test/on-call": { address: well.address },
    };
    const { sender, woken } = aScene({ providers });
    sender.submit(givenCanary(), [anAlert({ to: Object.keys(providers) })]);
    await Promise.all([hanging.arrived(1), woken(), woken()]);
    expect(sender.deliveries(key).map(({ to, failure }) => [to, failure])).toEqual(
      expect.arrayContaining([
        ["test/endless", undefined],
        ["test/on-call", undefined],
      ]),
    );
    sender.clear();
  });

  it("is told nothing more once another leads", async () => {
    const { address, got } = await receiving(answering(500));
    const scene = aScene({ providers: { "test/on-call": { address } } });
    scene.sender.submit(givenCanary(), [anAlert(), anAlert({ at: start + 1 })]);
    scene.sender.clear();
    await new Promise((resolve) => setImmediate(resolve));
    expect(got.length).toBeLessThanOrEqual(1);
    expect(scene.sender.deliveries(key)).toEqual([]);
  });
});

describe("an AlertProvider", () => {
  const secret = (data: Record<string, string>, labels: Record<string, string>): V1Secret => ({
    metadata: { labels },
    data: Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString("base64")])),
  });
  const marked = { "kubectl-canary.io/alert-credentials": "true" };
  const byRef = { "test/on-call": { secretRef: { name: "slack" } } };

  it("has its address and token from a Secret that is marked for it, and neither is in a log", async () => {
    const { address, got } = await aReceiver({ answer: answering(200, '{"ok":true}') }).then(
      (one) => (open.push(one), one),
    );
    const secrets = { "test/slack": secret({ address: `${address}/T0/swordfish`, token: "xoxb-1" }, marked) };
    const scene = aScene({ providers: byRef, secrets });
    expect(await outcome(scene)).toBeUndefined();
    expect(got[0]).toMatchObject({ path: "/T0/swordfish", headers: { authorization: "Bearer xoxb-1" } });
    expect(JSON.stringify(scene.logged)).not.toMatch(/swordfish|xoxb/);
  });

  it("with a Secret and an address, as another definition may let through, sends its token to the Secret's address alone", async () => {
    const [mine, theirs] = [await aReceiver({}), await aReceiver({})];
    open.push(mine, theirs);
    const providers = { "test/on-call": { ...byRef["test/on-call"], address: theirs.address } };
    const secrets = { "test/slack": secret({ address: mine.address, token: "xoxb-1" }, marked) };
    await outcome(aScene({ providers, secrets }));
    expect([mine.got.length, theirs.got.length]).toEqual([1, 0]);
  });

  it.each([
    ["is not marked", { address: "https://hooks.example" }, {}, /label it kubectl-canary.io\/alert-credentials=true/],
    ["has no address", { token: "x" }, marked, /Secret slack in test has no key address/],
  ])("whose Secret %s is said to have one, and sends nothing", async (_, data, labels, words) => {
    expect(await outcome(aScene({ providers: byRef, secrets: { "test/slack": secret(data, labels) } }))).toMatch(words);
  });

  it("that is not there, or whose Secret is not, is said to be missing when patience is over", async () => {
    expect(await outcome(aScene({}))).toMatch(/it does not exist; create it, or correct spec.analysis.alerts/);
    expect(await outcome(aScene({ providers: byRef }))).toMatch(/Secret slack does not exist in test; create it/);
  });

  it("of another namespace is told only where the chart allows it", async () => {
    const { address } = await receiving();
    const providers = { "platform/slack": { address } };
    const alert = anAlert({ to: ["platform/slack"] });
    expect(await outcome(aScene({ providers }), alert)).toMatch(/alerts.providerNamespaces does not have platform/);
    expect(await outcome(aScene({ providers, over: { providerNamespaces: ["platform"] } }), alert)).toBeUndefined();
  });

  it.each([
    ["http://hooks.example/x", /hooks.example:80 is not asked by https; use https, or list the host/],
    ["https://127.0.0.1:1/x", /may not be connected to, for it leads to loopback/],
    ["https://localhost:1/x", /may not be connected to, for it leads to loopback/],
    ["https://10.1.2.3/x", /may not be connected to, for it leads to a private network/],
    ["ftp://hooks.example", /no http or https address/],
  ])("at %s is not posted to", async (address, words) => {
    const scene = aScene({ providers: { "test/on-call": { address } }, over: { allowedAddresses: [] } });
    expect(await outcome(scene)).toMatch(words);
    expect(scene.waits).toEqual([]);
  });

  it("with a proxy that leads where it must not is not posted to", async () => {
    const proxied = { address: "https://hooks.example", proxy: "http://10.0.0.1:3128" };
    const scene = aScene({ providers: { "test/on-call": proxied }, over: { allowedAddresses: [] } });
    expect(await outcome(scene)).toMatch(/leads to a private network/);
    const wrong = aScene({ providers: { "test/on-call": { ...proxied, proxy: "socks5://x" } } });
    expect(await outcome(wrong)).toMatch(/its proxy is no http or https address/);
  });
});

describe("the chart's own provider", () => {
  it("is told by an address, or by a Secret of the controller's namespace, wherever it leads", async () => {
    const { address, got } = await receiving();
    const over = { allowedAddresses: [], chart: { type: "slack" as const, address }, chartSeverity: "warn" as const };
    const scene = aScene({ over });
    expect(scene.sender.chartAlerts).toBe("warn");
    expect(await outcome(scene, anAlert({ to: [chartProvider] }))).toBeUndefined();
    const secrets = { "kubectl-canary/slack": { data: { address: Buffer.from(address).toString("base64") } } };
    const bySecret = aScene({ secrets, over: { ...over, chart: { type: "slack", secretName: "slack" } } });
    expect(await outcome(bySecret, anAlert({ to: [chartProvider] }))).toBeUndefined();
    expect(got).toHaveLength(2);
  });
});

describe("the chart's event webhook", () => {
  it("gets each Event in Flagger's form, but of a Canary with an event webhook of its own, and nothing is sent where there is none", async () => {
    const receiver = await aReceiver({ schema: eventSchema });
    open.push(receiver);
    const said = {
      at: "2026-11-23T09:00:00.000Z",
      type: "Normal" as const,
      message: "Advance podinfo.test canary weight 10",
    };
    const common = {
      ...{ clock: eagerClock([]), random: () => 1, namespace: "kubectl-canary" },
      log: { warn: () => undefined },
      recorder: { alert: () => undefined },
      secret: () => Promise.reject(new Error("no Secret was to be read")),
    };
    createEventSender(common).tell(givenCanary(), said);
    const sender = createEventSender({ ...common, webhook: { address: receiver.address } });
    const { spec, ...rest } = givenCanary();
    const webhooks = [{ name: "own", type: "event", url: "http://own.test/" }];
    sender.tell({ ...rest, spec: { ...spec, analysis: { ...spec.analysis, webhooks } } }, said);
    sender.tell({ ...rest, spec, status: { phase: "Progressing", lastAppliedSpec: "v1-cafe1710" } }, said);
    expect((await receiver.arrived(1)).map(({ body }) => body)).toEqual([
      {
        name: "podinfo",
        namespace: "test",
        phase: "Progressing",
        checksum: "v1-cafe1710",
        metadata: { eventMessage: said.message, eventType: "Normal", timestamp: String(start) },
      },
    ]);
    expect(receiver.faults).toEqual([]);
  });
});
