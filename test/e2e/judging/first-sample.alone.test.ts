// Blind is not safe: no weight before the canary's pods were seen, and where they cannot be seen any more their callers judge.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { httpRoute, trafficSplit } from "../../../shared/core/routes/routes.ts";
import { importFaultyImages, installApp } from "../../app/install.ts";
import type { LoadClient } from "../../app/load-client.ts";
import { appObjects } from "../../app/manifests.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { apply, mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { auditMark, callsSince, weightsWritten } from "../../cluster/parts/audit.ts";
import { vizNamespace } from "../../cluster/parts/prometheus.ts";
import { samplesOf, totalsOf, type Scraped } from "../../cluster/parts/samples.ts";
import { dropFrom } from "../../cluster/machine/pod-network.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { parseSamples, total } from "../../mesh/series/exposition.ts";
import { adminPort, controlNamespace, meshName } from "../../mesh/settings.ts";
import { canaryFor, Scenario, type Provider } from "../scenario.ts";

const routerOf = (provider: Provider): typeof httpRoute => (provider === "linkerd" ? trafficSplit : httpRoute);

/** When the route got its first weight, of which the status tells a moment before. */
function firstWeightOf({ namespace, provider }: Scenario, mark: number): Promise<number> {
  const look = async (): Promise<number | ReturnType<typeof unmet>> => {
    const written = weightsWritten(await callsSince(mark), namespace, routerOf(provider));
    return written.find(({ weight }) => weight > 0)?.at ?? unmet("no weight was written");
  };
  return waitFor(look, 60_000, `the first weight in ${namespace}`);
}

/** Two of each router; CANARIES=10 is more than two cores start in a minute. */
const count = Number(process.env["CANARIES"] ?? 4);

describe("Canaries that start in the same second", () => {
  // A name that was used a minute ago has series of then.
  const scenarios = Array.from({ length: count }, (_, at) =>
    Scenario.of(`e2e-same-${at}-${process.pid}`, at % 2 === 0 ? "gatewayapi:v1" : "linkerd"),
  );

  beforeAll(async () => {
    // Without callers each run stays at its first weight.
    await Promise.all(scenarios.map(({ namespace }) => installApp(namespace, { without: ["load", "frontend"] })));
    await apply(scenarios.map(({ namespace, provider }) => canaryFor(namespace, { provider })));
    await Promise.all(scenarios.map((scenario) => scenario.phase("Initialized")));
  });

  afterAll(() => Promise.all(scenarios.map((scenario) => scenario.end())));

  it("give none of them any weight before Prometheus has a sample of its canary's pods", async () => {
    const mark = await auditMark();
    const image = podinfoImage("1.7.1");
    const objects = await Promise.all(scenarios.map(({ namespace }) => appObjects(namespace, { image })));
    await apply(objects.flat().filter(({ kind, metadata }) => kind === "Deployment" && metadata.name === "podinfo"));
    await Promise.all(scenarios.map((one) => one.until("the first weight", ({ canaryWeight }) => canaryWeight === 20)));
    const waits: number[] = [];
    for (const scenario of scenarios) {
      const pods = `namespace="${scenario.namespace}",deployment="podinfo-canary"`;
      const [first] = await samplesOf(`response_total{direction="inbound",${pods}}`);
      waits.push((await firstWeightOf(scenario, mark)) - (first?.at ?? Infinity));
    }
    process.stdout.write(
      `from each canary's first sample to its first weight: ${waits.map(Math.round).join(", ")} ms\n`,
    );
    expect(waits.filter((wait) => !(wait >= 0))).toEqual([]);
  });
});

describe("a version that always fails, while the mesh's control plane is away and Prometheus cannot reach its pods", () => {
  const trials: Provider[] = ["gatewayapi:v1", "linkerd"];
  const scenarios = trials.map((provider, at) => Scenario.of(`e2e-blind-${at}-${process.pid}`, provider));
  const loads: LoadClient[] = [];

  beforeAll(async () => {
    await importFaultyImages(["1.8.7-broken"]);
    await Promise.all(
      scenarios.map(async ({ namespace, provider }, at) => {
        const app = { without: ["frontend" as const] };
        const scenario = await Scenario.start(namespace, {
          provider,
          rate: 20,
          analysis: { interval: "5m", stepWeight: 50 },
          app,
        });
        loads[at] = await scenario.load();
        // Its proxy has talked to the Service: from now on it is told of every change.
        await loads[at].until(20);
        await loads[at].setRate(0);
      }),
    );
  });

  afterAll(async () => {
    await mustKubectl(["-n", controlNamespace, "scale", "deploy", meshName, "--replicas=1"]);
    await waitForRollout(controlNamespace, meshName);
    await Promise.all(scenarios.map((scenario) => scenario.end()));
  });

  it("is back at weight 0 by three scrapes of its callers' series", async () => {
    const mark = await auditMark();
    await Promise.all(
      scenarios.map(async (scenario) => {
        await scenario.setImage("1.8.7-broken");
        await scenario.until(
          "the first weight",
          ({ canaryWeight, run }) => canaryWeight === 50 && run?.stage === "analysing",
        );
        await knowsCanary(scenario);
      }),
    );
    await mustKubectl(["-n", controlNamespace, "scale", "deploy", meshName, "--replicas=0"]);
    const itsPods = ["-l", `linkerd.io/control-plane-component=${meshName}`];
    await mustKubectl(["-n", controlNamespace, "wait", "pod", "--for=delete", ...itsPods, "--timeout=60s"]);
    const pods = await Promise.all(scenarios.map(({ namespace }) => podOf(namespace, "app=podinfo-canary")));
    const prometheus = await podOf(vizNamespace, "component=prometheus");
    await Promise.all(pods.map(({ ip }) => dropFrom(prometheus.ip, { address: ip, port: adminPort })));
    await Promise.all(loads.map((load) => load.reset().then(() => load.setRate(50))));
    const ends = await Promise.all(scenarios.map((scenario) => scenario.phase("Failed")));
    const calls = await callsSince(mark);
    for (const [at, scenario] of scenarios.entries()) {
      const { hash = "", name = "" } = pods[at] ?? {};
      const reason = ends[at]?.reason ?? "";
      const failures = await failuresSeen(scenario, hash);
      const counts = await loads[at]?.counts();
      const scrapes = failures.map(({ value }) => value).join(", ");
      process.stdout.write(
        `${scenario.provider}: ${reason}\n  failures in callers' series, scrape by scrape: ${scrapes}; `,
      );
      process.stdout.write(`${counts?.failed} of ${counts?.requests} requests failed\n`);
      expect(weightsWritten(calls, scenario.namespace, routerOf(scenario.provider)).at(-1)?.weight).toBe(0);
      // A third scrape may come before a busy machine has looked at the second.
      expect(verdictRequests(reason)).toBeLessThanOrEqual(failures.slice(0, 3).at(-1)?.value ?? 0);
      // Its own pods told nobody.
      const own = `direction="inbound",namespace="${scenario.namespace}",pod="${name}",classification="failure"`;
      expect(await samplesOf(`response_total{${own},route_name!="probe"}`)).toEqual([]);
    }
  });
});

/** `7 of 7 requests` in the words of the verdict. */
function verdictRequests(reason: string): number {
  const found = /the canary fails more than the primary.*?: (\d+) of \d+ requests/.exec(reason)?.[1];
  if (found === undefined) throw new Error(`No verdict by failures: ${reason}`);
  return Number(found);
}

/** What callers' series said of failed requests to these pods, scrape by scrape. */
async function failuresSeen({ namespace }: Scenario, hash: string): Promise<Scraped[]> {
  const of = `direction="outbound",namespace="${namespace}",dst_pod_template_hash="${hash}"`;
  return (await totalsOf(`response_total{classification="failure",${of}}`)).filter(({ value }) => value > 0);
}

interface PodList {
  items: { metadata: { name: string; labels: Record<string, string> }; status: { podIP: string } }[];
}

async function podOf(namespace: string, selector: string): Promise<{ name: string; hash: string; ip: string }> {
  const { items } = await getJson<PodList>(["pods", "-l", selector, "-n", namespace]);
  const [pod] = items;
  if (!pod) throw new Error(`No pod with ${selector} runs in ${namespace}.`);
  const { metadata, status } = pod;
  return { name: metadata.name, hash: metadata.labels[label.podTemplateHash] ?? "", ip: status.podIP };
}

/** The load generator's proxy has the canary's endpoint: it needs not be told of it any more. */
async function knowsCanary({ namespace }: Scenario): Promise<void> {
  const labels = { backend_name: "podinfo-canary", endpoint_state: "ready" };
  const { ip } = await podOf(namespace, "app=load");
  await waitFor(
    async () => {
      const metrics = await (await fetch(`http://${ip}:${adminPort}/metrics`)).text();
      const known = total(parseSamples(metrics), "outbound_http_balancer_endpoints", labels);
      return known > 0 || unmet("it does not");
    },
    30_000,
    `the caller in ${namespace} to know the canary`,
  );
}
