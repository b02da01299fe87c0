// Adoption and deletion leave the user's things alone; what is not ours is not touched.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { apply, kubectl, deleteNamespace } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { installApp } from "../app/install.ts";
import { canaryFor, Scenario } from "./scenario.ts";

interface Labelled {
  metadata: { labels?: Record<string, string> };
  spec: { paused?: boolean };
}

/** Names of all objects of these kinds, in one line. */
async function namesOf(kinds: string, namespace: string): Promise<string> {
  const { items } = await getJson<{ items: { metadata: { name: string } }[] }>([kinds, "-n", namespace]);
  return items.map(({ metadata }) => metadata.name).join(" ");
}

function oursGone(namespace: string): Promise<true> {
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const found = await namesOf("deploy,svc,httproute", namespace);
    return found.includes("-canary") || found.includes("-primary") ? unmet(found) : true;
  };
  return waitFor(look, 60_000, "our objects to be gone", 500);
}

describe("a Canary", () => {
  let scenario: Scenario;

  beforeAll(async () => {
    scenario = await Scenario.start("e2e-adoption", { provider: "gatewayapi:v1", analysis: { interval: "30s" } });
  });

  afterAll(() => scenario.end());

  it("that is deleted in mid-run leaves stable's template, not paused, the same pods, and nothing of ours", async () => {
    const before = await scenario.podUids();
    const spec = await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={.spec}");
    const load = await scenario.load();
    await scenario.setImage("1.7.1");
    await scenario.until("traffic on the canary", (status) => status.canaryWeight === 20);
    await load.reset();
    await scenario.kubectl("delete", "canary", "podinfo");
    await oursGone(scenario.namespace);
    expect(await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={.spec}")).toBe(spec);
    const { metadata } = await getJson<Labelled>(["deploy", "podinfo", "-n", scenario.namespace]);
    expect(Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith("kubectl-canary"))).toEqual([]);
    expect(await scenario.podUids()).toEqual(before);
    const { failed, failures } = await load.rest();
    expect(failed, JSON.stringify(failures)).toBe(0);
  });

  it("that is second on a target is held, and says so: the older one wins", async () => {
    await apply([canaryFor(scenario.namespace, { provider: "gatewayapi:v1" })]);
    await scenario.phase("Initialized");
    const second = canaryFor(scenario.namespace, { provider: "gatewayapi:v1" });
    second.metadata.name = "second";
    const { code } = await kubectl(["apply", "-f", "-"], { input: JSON.stringify(second) });
    expect(code).toBe(0);
    await waitFor(
      async () => {
        const { status } = await getJson<Canary>(["canary", "second", "-n", scenario.namespace]);
        const reason = status?.reason ?? "";
        return reason.includes("Canary podinfo is older") ? true : unmet(reason);
      },
      60_000,
      "the second Canary to be held",
    );
    await scenario.kubectl("delete", "canary", "second");
    expect((await scenario.status()).phase).toBe("Initialized");
  });
});

describe("what is not ours", () => {
  const namespace = "e2e-foreign";
  const reason = (): Promise<string> => getReason(namespace);

  beforeAll(async () => {
    await installApp(namespace);
  });

  afterAll(() => deleteNamespace(namespace));

  it.each([
    ["a Service with one of our names", service("podinfo-canary"), "Service podinfo-canary"],
    ["a Deployment with one of our names", deployment("podinfo-canary", "podinfo"), "Deployment podinfo-canary"],
    [
      "a -primary Deployment as Flagger leaves it",
      deployment("podinfo-primary", "podinfo"),
      "Deployment podinfo-primary",
    ],
  ])("%s stops us with a sentence, and we go on once it is gone", async (_what, object, words) => {
    await apply([{ ...object, metadata: { ...object.metadata, namespace } }]);
    await apply([canaryFor(namespace, { provider: "gatewayapi:v1" })]);
    await waitFor(async () => ((await reason()).includes(words) ? true : unmet(await reason())), 30_000, words);
    const { metadata } = await getJson<Labelled>(["deploy", "podinfo", "-n", namespace]);
    expect(Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith("kubectl-canary"))).toEqual([]);
    await kubectl(["-n", namespace, "delete", object.kind, object.metadata.name, "--wait"]);
    await waitFor(
      async () => ((await reason()).includes("is stable") ? true : unmet(await reason())),
      60_000,
      "initialization",
    );
    await kubectl(["-n", namespace, "delete", "canary", "podinfo"]);
    // All of them: the next row's has the name of one.
    await oursGone(namespace);
  });
});

async function getReason(namespace: string): Promise<string> {
  return (await kubectl(["-n", namespace, "get", "canary", "podinfo", "-o", "jsonpath={.status.reason}"])).stdout;
}

interface Foreign {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: object;
}

function service(name: string): Foreign {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { ports: [{ port: 1 }], selector: { app: "other" } },
  };
}

function deployment(name: string, image: string): Foreign {
  const labels = { app: `other-${name}` };
  const template = {
    metadata: { labels, annotations: { "linkerd.io/inject": "disabled" } },
    spec: { containers: [{ name: "x", image }] },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  };
}
