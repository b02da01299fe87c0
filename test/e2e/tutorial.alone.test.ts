// The tutorial as its text says it, step by step, with the plugin beside it; on the TrafficSplit that it uses.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label } from "../../shared/core/objects/names.ts";
import type { Counts } from "../app/counts.ts";
import { installApp, removeApp } from "../app/install.ts";
import { LoadClient } from "../app/load-client.ts";
import { podinfoTags } from "../app/podinfo.ts";
import { apply, kubectl, mustKubectl, portForward } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { withinBinomial } from "./judging/statistics.ts";

const namespace = "test";
const image = (tag: string): string => `quay.io/stefanprodan/podinfo:${tag}`;
const canaryFile = join(import.meta.dirname, "../demo/canary.yaml");
const inTest = (...args: string[]): Promise<string> => mustKubectl(["-n", namespace, ...args]);

async function phase(): Promise<string> {
  return (await getJson<Canary>(["canary", "podinfo", "-n", namespace])).status?.phase ?? "";
}

async function weights(): Promise<number[]> {
  const args = ["trafficsplit", "podinfo", "-n", namespace];
  // A quantity, which the API server gives as text.
  const { spec } = await getJson<{ spec: { backends: { weight: string }[] } }>(args);
  return spec.backends.map(({ weight }) => Number(weight));
}

async function events(): Promise<string> {
  const args = ["events", "-n", namespace, "--field-selector", "involvedObject.kind=Canary"];
  const { items } = await getJson<{ items: { message: string }[] }>(args);
  return items.map(({ message }) => message).join(" ");
}

/** Waits for an Event with these words, which is written a moment after the status. */
async function told(words: string): Promise<void> {
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const found = await events();
    return found.includes(words) || unmet(found);
  };
  await waitFor(look, 60_000, `the Event "${words}"`);
}

async function uids(app: string): Promise<string> {
  const { items } = await getJson<{ items: { metadata: { uid: string } }[] }>([
    "pods",
    "-l",
    `app=${app}`,
    "-n",
    namespace,
  ]);
  return items.map(({ metadata }) => metadata.uid).join(" ");
}

beforeAll(async () => {
  await removeApp(namespace);
  await installApp(namespace);
});

afterAll(() => removeApp(namespace));

describe("the tutorial", () => {
  it("serves podinfo's page and JSON through the frontend before anything of ours is there", async () => {
    await inTest("rollout", "status", "deploy", "podinfo", "--timeout=60s");
    const forward = await portForward(namespace, "svc/frontend", 8080);
    try {
      const answer = (await (await fetch(forward.url)).json()) as { version: string; color: string };
      expect(answer).toMatchObject({ version: "1.7.0", color: podinfoTags["1.7.0"].PODINFO_UI_COLOR });
      const page = await (await fetch(forward.url, { headers: { "User-Agent": "Mozilla/5.0" } })).text();
      expect(page).toContain("<html");
    } finally {
      await forward.close();
    }
  });

  it("initializes the Canary without restarting a pod or changing the Deployment's spec, and says when it is done", async () => {
    const before = await uids("podinfo");
    const spec = await inTest("get", "deploy", "podinfo", "-o", "jsonpath={.spec}");
    // At half of its interval: `make demo` takes its time.
    const canary = (await readFile(canaryFile, "utf8")).replace("interval: 10s", "interval: 5s");
    await apply(canary);
    await told("Initialization done! podinfo.test");
    expect(await uids("podinfo")).toBe(before);
    expect(await inTest("get", "deploy", "podinfo", "-o", "jsonpath={.spec}")).toBe(spec);
    const services = await inTest("get", "svc", "-o", "jsonpath={.items[*].metadata.name}");
    expect(services.split(" ").sort()).toEqual(["frontend", "podinfo", "podinfo-canary", "podinfo-primary"]);
  });

  it("names the callers that are older than the TrafficSplit, and how to restart them", async () => {
    await waitFor(
      async () => {
        const { status } = await getJson<Canary>(["canary", "podinfo", "-n", namespace]);
        const named = status?.staleCallers?.join() ?? "";
        return named.includes("test/load-") ? true : unmet(`named: ${named || "nobody"}; ${status?.reason}`);
      },
      90_000,
      "the stale callers to be named",
      500,
    );
    await told("kubectl -n test rollout restart deploy/load");
    const said = await mustKubectl(["canary", "status", "podinfo", "-n", namespace]);
    expect(said).toContain("kubectl -n test rollout restart deploy/load");
    for (const caller of ["load", "frontend"]) await inTest("rollout", "restart", `deploy/${caller}`);
    for (const caller of ["load", "frontend"]) await inTest("rollout", "status", `deploy/${caller}`, "--timeout=60s");
  });
});

describe("kubectl set image", () => {
  /** Counts of each weight, as last seen before the weight moved on. */
  const shares = new Map<number, Counts>();
  let failed = 0;
  /** The last few of each weight, with it: what to look at. */
  const failures: object[] = [];
  let stableUids = "";

  it("prints a warning that names the canary, and holds the rollout", async () => {
    stableUids = await uids("podinfo");
    const load = await LoadClient.of(namespace);
    await load.setRate(300);
    const { stderr } = await kubectl([
      "-n",
      namespace,
      "set",
      "image",
      "deployment/podinfo",
      `podinfod=${image("1.7.1")}`,
    ]);
    expect(stderr).toMatch(/Warning: .*canary/i);
    const target = await getJson<{ spec: { paused?: boolean }; metadata: { labels: object } }>([
      "deploy",
      "podinfo",
      "-n",
      namespace,
    ]);
    expect(target.spec.paused).toBe(true);
    expect(target.metadata.labels).toHaveProperty([label.held]);
  });

  it("moves the weight by 10, users follow each weight, and stable's pods go on running 1.7.0", async () => {
    let at = -1;
    const load = await LoadClient.of(namespace);
    await waitFor(
      async () => {
        const weight = (await weights())[0] ?? -1;
        if (weight === at) {
          shares.set(at, await load.counts());
        } else {
          const before = await load.reset();
          failed += before.failed;
          if (before.failed > 0) failures.push({ weight: at, failed: before.failed, last: before.failures });
          at = weight;
        }
        if (weight > 0 && weight < 100) expect(await uids("podinfo")).toBe(stableUids);
        const now = await phase();
        return now === "Promoting" || now === "Succeeded" || unmet(`${now} at ${weight}%`);
      },
      300_000,
      "the analysis to end",
      250,
    );
    expect([...shares.keys()].filter((weight) => weight > 0)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    for (const [weight, counts] of shares) {
      const canary = counts.byWorkload["podinfo-canary"] ?? 0;
      const all = canary + (counts.byWorkload["podinfo"] ?? 0);
      process.stdout.write(`weight ${weight}: ${canary} of ${all} answers from the canary\n`);
      if (weight > 0 && weight < 100)
        expect(withinBinomial(canary, all, weight / 100), `${canary} of ${all} at ${weight}`).toBe(true);
    }
  });

  it("ends with the target on 1.7.1, not paused, all traffic on it, and the canary at 0", async () => {
    await inTest("rollout", "status", "deploy", "podinfo", "--timeout=120s");
    await waitFor(
      async () => ((await phase()) === "Succeeded" ? true : unmet(await phase())),
      60_000,
      "the promotion to be completed",
    );
    const target = await inTest(
      "get",
      "deploy",
      "podinfo",
      "-o",
      "jsonpath={.spec.paused} {.spec.template.spec.containers[0].image}",
    );
    expect(target).toBe(` ${image("1.7.1")}`);
    expect(await weights()).toEqual([0, 100]);
    await waitFor(
      async () => {
        const { spec } = await getJson<V1Deployment>(["deploy", "podinfo-canary", "-n", namespace]);
        return spec?.replicas === 0 ? true : unmet(`${spec?.replicas} replicas`);
      },
      30_000,
      "the canary to be scaled to 0",
    );
    await told("Promotion completed! Scaling down podinfo.test");
  });

  it("failed no user request in the whole run", async () => {
    const last = await (await LoadClient.of(namespace)).rest();
    failed += last.failed;
    if (last.failed > 0) failures.push({ weight: "after", failed: last.failed, last: last.failures });
    process.stdout.write(`failed requests at the client: ${failed} ${JSON.stringify(failures)}\n`);
    expect(failed).toBe(0);
  });
});
