// Ten minutes of a bad network between the controller and the API server, other writers on every object, and runs under way
// that are promoted, reverted and superseded all the while. What must always hold is looked at without that network.
import { setTimeout as delay } from "node:timers/promises";
import type { V1EndpointSlice } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Gated, deployment, expectVersion, type VersionName } from "../../admission/gated.ts";
import { clientSideApply } from "../../admission/tools.ts";
import { release } from "../../chart/install.ts";
import { mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { administrator } from "../../cluster/administrator.ts";
import { network } from "../../cluster/layout.ts";
import { requireState } from "../../cluster/state.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Proxy } from "../../kube/proxy.ts";
import { Auditor } from "../../safety/auditor.ts";

const forMs = Number(process.env["SOAK_SECONDS"] ?? 600) * 1_000;
const names = ["soak-a", "soak-b", "soak-c"];
const counts = { cuts: 0, swallows: 0, refusals: 0, looks: 0, commands: 0 };

let proxy: Proxy;
let gated: Gated[];

/** The controller's pods ask the API server there; undefined: where every pod does. */
async function pointController(port: number | undefined): Promise<void> {
  const env = port
    ? [`KUBERNETES_SERVICE_HOST=${network.nodeAddress}`, `KUBERNETES_SERVICE_PORT=${port}`]
    : ["KUBERNETES_SERVICE_HOST-", "KUBERNETES_SERVICE_PORT-"];
  await mustKubectl(["-n", release.namespace, "set", "env", `deploy/${release.name}`, ...env]);
  await waitForRollout(release.namespace, release.name, 90_000);
}

beforeAll(async () => {
  gated = await Promise.all(names.map((name) => Gated.start(name, clientSideApply)));
  proxy = await Proxy.start((await requireState()).ports.api, network.nodeAddress);
  await pointController(proxy.port);
});

afterAll(async () => {
  await pointController(undefined);
  await proxy.stop();
  await Promise.all(gated.map((one) => one.end()));
});

const betweenWritesMs = 300;
const betweenLooksMs = 250;

const chance = (of: number): boolean => Math.random() < of;

/** Cut, dead and refused connections, each for a moment; good ones in between. */
async function disturb(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await delay(1_000 + Math.random() * 4_000);
    if (chance(0.5)) {
      counts.cuts += 1;
      proxy.cut();
      continue;
    }
    if (chance(0.5)) {
      counts.swallows += 1;
      proxy.swallow();
      await delay(Math.random() * 4_000);
      proxy.cut();
    } else {
      counts.refusals += 1;
      proxy.refuse();
      await delay(Math.random() * 2_000);
    }
    proxy.forward();
  }
  proxy.forward();
}

/** Everyone else writes too, so that what the controller has read is often not what is there any more. */
async function meddle(one: Gated, isOver: () => boolean): Promise<void> {
  for (let round = 0; !isOver(); round++) {
    for (const object of ["deploy/podinfo", "deploy/podinfo-canary", "canary/podinfo", "httproute/podinfo"])
      await one.scenario.try("annotate", object, "--overwrite", `example.org/round=${round}`);
    await delay(betweenWritesMs);
  }
}

/** New versions, the same again, and words of people, in no order. */
async function use(one: Gated, isOver: () => boolean): Promise<void> {
  const versions: VersionName[] = ["v1", "v2", "v3"];
  while (!isOver()) {
    const version = versions[Math.floor(Math.random() * versions.length)] ?? "v1";
    // Refused while another is being promoted, and then written again as people do.
    await clientSideApply.write(deployment(version), one.namespace);
    await delay(Math.random() * 8_000);
    const verb = ["promote", "promote", "rollback", "retry"][Math.floor(Math.random() * 4)] ?? "promote";
    counts.commands += 1;
    await one.scenario.plugin(verb, "--timeout", "1s");
    await delay(Math.random() * 4_000);
  }
}

async function readyCanaries(one: Gated): Promise<number> {
  const args = ["-n", one.namespace, "endpointslices", "-l", "kubernetes.io/service-name=podinfo-canary"];
  const { items } = await getJson<{ items: V1EndpointSlice[] }>(args);
  return items.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
    .length;
}

/** Weight only where a canary is ready, and no template without a hold that nobody has judged or promoted. */
async function look(one: Gated): Promise<void> {
  const before = await readyCanaries(one);
  const weight = await one.scenario.weight();
  const after = await readyCanaries(one);
  expect([0, 20], `weight in ${one.namespace}`).toContain(weight);
  if (weight > 0 && before === 0 && after === 0) {
    // Pods may die; the weight must follow.
    await waitFor(
      async () => ((await one.scenario.weight()) === 0 || (await readyCanaries(one)) > 0 ? true : unmet("deserted")),
      15_000,
      `the weight of ${one.namespace} to follow its endpoints`,
    );
  }
  counts.looks += 1;
}

async function watch(one: Gated, auditor: Auditor, isOver: () => boolean): Promise<void> {
  for (; !isOver(); await delay(betweenLooksMs)) {
    await look(one);
    auditor.check();
  }
}

it("no weight without endpoints, nothing unjudged, and all settles once the network is well", async () => {
  const cluster = await administrator();
  const options = { provider: "gatewayapi:v1", staleMs: 20_000, desertedMs: 30_000 } as const;
  const auditors = await Promise.all(gated.map(({ namespace }) => Auditor.start(cluster, { namespace, ...options })));
  const end = performance.now() + forMs;
  const isOver = (): boolean => performance.now() >= end;
  await Promise.all([
    disturb(isOver),
    ...gated.flatMap((one, index) => [use(one, isOver), meddle(one, isOver), watch(one, auditors[index]!, isOver)]),
  ]);
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  for (const one of gated) {
    const { stable } = await one.scenario.until("rest or a run", ({ phase }) => phase !== "Promoting", 60_000);
    expect(Object.values(stable?.images ?? {})).not.toEqual([]);
    const { history = [], unvetted } = await one.scenario.status();
    expect(unvetted).toBeUndefined();
    process.stdout.write(`${one.namespace}: ${history.map(({ outcome }) => outcome).join(" ")}\n`);
    // Still at work: a version that it has not seen yet is judged, and promoted by hand.
    const next = deployment("v3");
    next.spec!.template.metadata!.annotations = { "example.org/last": "yes" };
    await one.write(next);
    await one.scenario.until("the last run", ({ canaryWeight }) => canaryWeight === 20, 90_000);
    expect((await one.scenario.plugin("promote")).code).toBe(0);
    await one.scenario.phase("Succeeded", 90_000);
    expectVersion(await one.target(), "v3");
    expect(await one.scenario.weight()).toBe(0);
  }
  for (const auditor of auditors) {
    await auditor.stop();
    process.stdout.write(`${JSON.stringify(auditor.counts)} ${auditor.ended.length} runs ended\n`);
  }
  expect(auditors.flatMap(({ violations }) => violations).join("\n")).toBe("");
});
