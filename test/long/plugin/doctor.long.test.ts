// Faults put into a real installation, one at a time: `doctor` names each, and `explain` gives a stuck run the same cause. What
// needs no running controller is in test/plugin/doctor.cluster.test.ts, in seconds.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { V1Deployment, V1Secret } from "@kubernetes/client-node";
import type { DoctorView, Fault, Finding } from "../../../plugin/commands/doctor/facts.ts";
import type { ExplainView } from "../../../plugin/commands/explain/view.ts";
import { issueAuthority, issueServing } from "../../../webhook/certificates/issue.ts";
import { loadImage } from "../../app/manifests.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { release } from "../../chart/install.ts";
import { apply, kubectl, mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { nodePath } from "../../mesh/settings.ts";
import { bypassLabel, canaryFor, Scenario } from "../../e2e/scenario.ts";

const namespace = "long-doctor";
const patienceMs = 240_000;
const options = {
  provider: "gatewayapi:v1",
  analysis: { interval: "2s", stepWeight: 50, threshold: 100 },
} as const;

let scenario: Scenario;
let base: object;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, options);
  base = clean(await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]));
});
afterAll(() => scenario.end());

/** Of a Deployment, what its user wrote. */
function clean({ apiVersion, kind, metadata, spec }: V1Deployment): object {
  const { name, labels } = metadata ?? {};
  return { apiVersion, kind, metadata: { name, namespace: metadata?.namespace, labels }, spec };
}

async function findings(of = scenario): Promise<Finding[]> {
  const { stdout, stderr } = await kubectl(["canary", "doctor", "deploy/podinfo", "-n", of.namespace, "-o", "json"]);
  expect(stderr).toBe("");
  return (JSON.parse(stdout) as DoctorView).findings;
}

/** Until the doctor names it, with a cure. */
async function named(fault: Fault, of = scenario): Promise<Finding[]> {
  return waitFor(
    async () => {
      const all = await findings(of);
      const found = all.find((finding) => finding.fault === fault);
      if (!found) return unmet(`${all.map((one) => one.fault).join(", ") || "nothing"}; ${(await of.status()).reason}`);
      expect(found.cure).not.toBe("");
      return all;
    },
    patienceMs,
    `doctor to find ${fault}`,
    500,
  );
}

/** What `explain` gives as the cause is what the doctor puts first. */
async function sameCause(fault: Fault, of = scenario): Promise<void> {
  await waitFor(
    async () => {
      const { stdout } = await of.plugin("explain", "-o", "json");
      const { found, cause } = JSON.parse(stdout) as ExplainView;
      return found?.fault === fault || unmet(`${cause.code}, found ${found?.fault ?? "nothing"}`);
    },
    patienceMs,
    `explain to find ${fault}`,
    500,
  );
}

const patchTemplate = (body: object): Promise<string> =>
  scenario.kubectl("patch", "deploy", "podinfo", "-p", JSON.stringify({ spec: { template: body } }));
const patchCanary = (spec: object): Promise<string> =>
  scenario.kubectl("patch", "canary", "podinfo", "--type", "merge", "-p", JSON.stringify({ spec }));

let round = 0;
const change = (): Promise<string> => scenario.kubectl("set", "env", "deploy/podinfo", `ROUND=${(round += 1)}`);

/** Pods of the load generator: a rate would be forgotten when it restarts. */
const callers = (count: number): Promise<string> => scenario.kubectl("scale", "deploy/load", `--replicas=${count}`);

/** Back to where it began: stable serves, the Deployment asks for it, the Canary is as it was, and nothing is broken. */
async function mend(): Promise<void> {
  const { spec } = canaryFor(namespace, options);
  const body = { spec: { metricsServer: null, service: spec.service, analysis: spec.analysis } };
  await scenario.kubectl("patch", "canary", "podinfo", "--type", "merge", "-p", JSON.stringify(body));
  await callers(1);
  await waitFor(
    async () => {
      if ((await scenario.status()).run === undefined) return true;
      const { stderr } = await scenario.plugin("rollback", "--timeout", "5s");
      return unmet(stderr);
    },
    patienceMs,
    "the end of the run",
    1_000,
  );
  const { code, stderr } = await kubectl(["replace", "-f", "-"], { input: JSON.stringify(base) });
  expect(code, stderr).toBe(0);
  await waitFor(
    async () => {
      const broken = (await findings()).filter(({ level }) => level === "broken");
      const { run, reason } = await scenario.status();
      const isSound = broken.length === 0 && run === undefined;
      return isSound || unmet(`${broken.map(({ what }) => what).join(" ")} ${reason}`);
    },
    patienceMs,
    "a sound installation",
    500,
  );
}

interface Definition {
  apiVersion: string;
  kind: string;
  metadata: { labels: object; annotations: object };
  spec: object;
}

interface Case {
  fault: Fault;
  damage: () => Promise<unknown>;
  undo?: () => Promise<unknown>;
}

const image = (name: string, more: object): object => ({
  spec: { containers: [{ name: "podinfod", image: name, ...more }] },
});

const server = (status: number): string =>
  `require("http").createServer((q, s) => { s.statusCode = ${status}; s.end("no") }).listen(9090)`;

/** A pod of the load generator's image, not meshed. */
const aPod = (name: string, container: object): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace, labels: { app: name }, annotations: { "linkerd.io/inject": "disabled" } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name, image: loadImage, imagePullPolicy: "IfNotPresent", ...container }],
  },
});

const numberless = { name: "ratio", query: "vector(0) / vector(0)", thresholdRange: { min: 1 }, interval: "30s" };

/** Each keeps a run from moving. */
const stuck: Case[] = [
  {
    fault: "image-pull",
    damage: () => patchTemplate(image("quay.io/stefanprodan/podinfo:9.9.9", {})),
  },
  {
    fault: "quota",
    damage: async () => {
      const { items } = await getJson<{ items: unknown[] }>(["pods", "-n", namespace]);
      await scenario.kubectl("create", "quota", "few", `--hard=pods=${items.length}`);
      await change();
    },
    undo: () => scenario.kubectl("delete", "quota", "few"),
  },
  {
    fault: "crash-loop",
    damage: () => patchTemplate(image(podinfoImage("1.7.0"), { command: ["./podinfo", "--no-such-flag"] })),
  },
  {
    fault: "no-traffic",
    damage: async () => {
      await callers(0);
      await change();
    },
  },
  {
    fault: "caller-unmeshed",
    damage: async () => {
      await callers(0);
      const env = Object.entries({ TARGET: "http://podinfo:9898", RATE: "20" }).map(([name, value]) => ({
        name,
        value,
      }));
      await apply([aPod("outside", { args: ["load"], env })]);
      await change();
    },
    undo: () => scenario.kubectl("delete", "pod", "outside"),
  },
  {
    fault: "prometheus-forbidden",
    damage: async () => {
      const service = {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "refuses", namespace },
        spec: { selector: { app: "refuses" }, ports: [{ port: 9090 }] },
      };
      await apply([aPod("refuses", { command: [nodePath, "-e", server(403)] }), service]);
      await scenario.kubectl("wait", "pod/refuses", "--for=condition=Ready", "--timeout=90s");
      await patchCanary({ metricsServer: `http://refuses.${namespace}:9090` });
      await change();
    },
    undo: () => scenario.kubectl("delete", "pod,service", "refuses"),
  },
  {
    fault: "prometheus-unreachable",
    damage: async () => {
      await patchCanary({ metricsServer: `http://nobody.${namespace}:9090` });
      await change();
    },
  },
  {
    fault: "metric-not-a-number",
    damage: async () => {
      await patchCanary({ analysis: { metrics: [numberless] } });
      await change();
    },
  },
  {
    fault: "service-leak",
    damage: async () => {
      const spec = { selector: { tier: "web" }, ports: [{ port: 80 }] };
      await apply([{ apiVersion: "v1", kind: "Service", metadata: { name: "all", namespace }, spec }]);
      await patchTemplate({ metadata: { labels: { tier: "web" } } });
    },
    undo: () => scenario.kubectl("delete", "service", "all"),
  },
  {
    fault: "port-mismatch",
    damage: async () => {
      await patchCanary({ service: { port: 80 } });
      await change();
    },
  },
];

describe("a fault that keeps a run from moving", () => {
  it.each(stuck)("$fault", async ({ fault, damage, undo }) => {
    await damage();
    await named(fault);
    await sameCause(fault);
    await undo?.();
    await mend();
  });

  it("caller-older-than-split", async () => {
    const old = await Scenario.start(`${namespace}-old`, { ...options, provider: "linkerd", keepStaleCallers: true });
    try {
      await old.setImage("1.7.1");
      await named("caller-older-than-split", old);
      await sameCause("caller-older-than-split", old);
    } finally {
      await old.end();
    }
  });
});

describe("a fault that no run has to wait for", () => {
  it("webhook-bypassed, which explain gives as its own cause", async () => {
    await scenario.kubectl("label", "deploy", "podinfo", `${bypassLabel}=drill`);
    await scenario.setImage("1.7.4");
    await named("webhook-bypassed");
    expect((await scenario.plugin("explain")).stdout).toContain("went live without a canary");
    await scenario.plugin("undo");
    await scenario.until("stable again", (status) => status.unvetted === undefined && status.run === undefined);
    await mend();
  });

  it("autoscaler-fight", async () => {
    await scenario.kubectl("autoscale", "deploy", "podinfo-canary", "--max=3");
    await named("autoscaler-fight");
    await scenario.kubectl("delete", "hpa", "podinfo-canary");
    await mend();
  });

  it("permission-missing", async () => {
    const { stdout } = await scenario.plugin("doctor", "--as", "nobody", "-o", "json");
    expect((JSON.parse(stdout) as DoctorView).findings.map(({ fault }) => fault)).toContain("permission-missing");
  });

  it("version-skew", async () => {
    const at = ["-n", release.namespace];
    await mustKubectl([
      ...at,
      "set",
      "image",
      `deploy/${release.name}`,
      "*=ghcr.io/kubectl-canary/kubectl-canary:0.9.0",
    ]);
    await named("version-skew");
    await mustKubectl([...at, "rollout", "undo", `deploy/${release.name}`]);
    await waitForRollout(release.namespace, release.name, 120_000);
    await mend();
  });
});

describe("without a controller", () => {
  const at = ["-n", release.namespace];
  const secretName = `${release.name}-certificate`;
  const host = `${release.name}.${release.namespace}.svc` as const;
  let kept: V1Secret;
  const scale = (replicas: number): Promise<string> =>
    mustKubectl([...at, "scale", "deploy", release.name, `--replicas=${replicas}`]);
  const serve = (certificate: string): Promise<string> => {
    const data = { "tls.crt": Buffer.from(certificate).toString("base64") };
    return mustKubectl([...at, "patch", "secret", secretName, "-p", JSON.stringify({ data })]);
  };

  beforeAll(async () => {
    kept = await getJson<V1Secret>(["secret", secretName, ...at]);
    await change();
    await scenario.until("traffic", ({ canaryWeight = 0 }) => canaryWeight > 0, patienceMs);
    await scale(0);
  });
  afterAll(async () => {
    await mustKubectl([...at, "patch", "secret", secretName, "-p", JSON.stringify({ data: kept.data })]);
    await scale(2);
    await waitForRollout(release.namespace, release.name, 120_000);
    await mend();
  });

  it("webhook-down, and explain says that nobody decides", async () => {
    await named("webhook-down");
    await sameCause("controller-silent");
  });

  it("certificate-expired", async () => {
    const authority = await issueAuthority("ours", { now: Date.now(), lifetimeMs: 3_600_000 });
    const over = { now: Date.now() - 7_200_000, lifetimeMs: 1_000 };
    await serve((await issueServing(authority, [host], over)).cert);
    await named("certificate-expired");
  });

  it("certificate-mismatch", async () => {
    const now = { now: Date.now(), lifetimeMs: 3_600_000 };
    await serve((await issueServing(await issueAuthority("another", now), [host], now)).cert);
    await named("certificate-mismatch");
  });
});

describe("the definition of Canaries", () => {
  const name = "canaries.flagger.app";
  let kept: object;

  beforeAll(async () => {
    const { apiVersion, kind, metadata, spec } = await getJson<Definition>(["crd", name]);
    const { labels, annotations } = metadata;
    kept = { apiVersion, kind, metadata: { name, labels, annotations }, spec };
  });

  it("crd-foreign, while it has Flagger's schema", async () => {
    const path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/run";
    await mustKubectl(["patch", "crd", name, "--type", "json", "-p", JSON.stringify([{ op: "remove", path }])]);
    await named("crd-foreign");
    await mustKubectl(["replace", "-f", "-"], { input: JSON.stringify(kept) });
    await mend();
  });

  it("crd-missing, when it is gone", async () => {
    await mustKubectl(["delete", "crd", name, "--timeout=60s"]);
    await waitFor(
      async () => {
        const { stdout } = await kubectl(["canary", "doctor", "-n", namespace]);
        return stdout.includes("This cluster does not know Canaries.") || unmet(stdout);
      },
      patienceMs,
      "doctor to miss the definition",
      500,
    );
    await mustKubectl(["create", "-f", "-"], { input: JSON.stringify(kept) });
  });
});
