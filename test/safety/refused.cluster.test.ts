// Whatever refuses a write of ours is heard: status, Event and doctor have the API server's own words, and a run ends at its deadline.
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorView } from "../../plugin/commands/doctor/facts.ts";
import { resource } from "../../shared/kube/resources.ts";
import { issueAuthority, issueServing } from "../../webhook/certificates/issue.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { programs } from "../plugin/fixtures/program.ts";
import { startArena, type Arena } from "./arena.ts";
import { Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const canaryDeployment = "podinfo-canary";

interface Refusing {
  /** Of the namespace. */
  name: string;
  /** How another webhook refuses the canary Deployment; where it does not, a quota does. */
  answer?: { code?: number; reason?: string; message: string };
  /** What must be heard of it. */
  words: RegExp;
}

const rows: Refusing[] = [
  {
    name: "denied",
    answer: { message: "no canaries on Fridays" },
    words: /\(runCanary, 400\):.*denied.*no canaries on Fridays/,
  },
  {
    name: "too-large",
    answer: { code: 413, reason: "RequestEntityTooLarge", message: "limit is 3145728" },
    words: /\(runCanary, 413\):.*limit is 3145728/,
  },
  {
    name: "conflict",
    answer: { code: 409, reason: "Conflict", message: "somebody else is at it" },
    words: /\(runCanary, 409\):.*somebody else is at it/,
  },
  { name: "quota", words: /\(runCanary, 403\):.*exceeded quota: few, requested: count\/deployments\.apps=1/ },
];

const late: Refusing = { ...rows[0]!, name: "late" };

let arena: Arena;
let loop: Controller;
let other: Server;
let dir: string;
let stages: Map<string, Stage>;

beforeAll(async () => {
  arena = await startArena();
  other = await refuse();
  dir = await mkdtemp(join(tmpdir(), "refused-"));
  await writeFile(join(dir, "kubeconfig"), arena.kubeConfig());
  stages = new Map([...rows, late].map(({ name }) => [name, new Stage(arena.cluster, arena.node, name)]));
  await Promise.all([...stages.values()].map((stage) => stage.set()));
  loop = await arena.startController({
    ...{ identity: "one", leaseNamespace: "default", namespace: "" },
    gate: new Passing(),
  });
  await Promise.all(
    [...stages.values()].map((stage) => stage.until("initialization", ({ phase }) => phase === "Initialized")),
  );
});
afterAll(async () => {
  await loop.stop();
  await arena.stop();
  other.closeAllConnections();
  other.close();
  await rm(dir, { recursive: true });
});

/** Another webhook of the cluster's, which answers by the namespace. */
async function refuse(): Promise<Server> {
  const validity = { now: Date.now(), lifetimeMs: 86_400_000 };
  const authority = await issueAuthority("other", validity);
  const server = createServer(await issueServing(authority, ["localhost"], validity), (request, response) => {
    void text(request).then((body) => {
      const { request: asked } = JSON.parse(body) as { request: { uid: string; namespace: string; name: string } };
      const status = [...rows, late].find(({ name }) => name === asked.namespace)?.answer;
      const isRefused = status !== undefined && asked.name === canaryDeployment;
      const answer = { uid: asked.uid, allowed: !isRefused, ...(isRefused ? { status } : {}) };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: answer }));
    });
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  const rule = {
    apiGroups: ["apps"],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["deployments"],
  };
  const caBundle = Buffer.from(authority.cert).toString("base64");
  const clientConfig = { url: `https://localhost:${(server.address() as AddressInfo).port}/`, caBundle };
  const called = { admissionReviewVersions: ["v1"], sideEffects: "None", failurePolicy: "Fail" };
  await arena.cluster.create(resource.validatingWebhookConfigurations, {
    metadata: { name: "other" },
    webhooks: [{ name: "no.canaries.example", rules: [rule], clientConfig, ...called }],
  });
  return server;
}

/** As the quota controller, which does not run here, would write it: what there is, and no more. */
async function limit(namespace: string): Promise<void> {
  const hard = { "count/deployments.apps": "2" };
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "few" }, spec: { hard } };
  const made = (await arena.cluster.raw("POST", path, quota)) as object;
  await arena.cluster.raw("PUT", `${path}/few/status`, { ...made, status: { hard, used: hard } });
}

/** By doctor, as a person asks. */
async function findings(namespace: string): Promise<DoctorView["findings"]> {
  const plugin = programs(() => join(dir, "kubeconfig"));
  const { out, err } = await plugin.start(["doctor", "podinfo", "-n", namespace, "-o", "json"]).ended;
  if (out === "") throw new Error(err);
  return (JSON.parse(out) as DoctorView).findings;
}

describe.concurrent("a canary Deployment that is refused", () => {
  it.each(rows)("is heard of: $name", async ({ name, answer, words }) => {
    const stage = stages.get(name)!;
    if (!answer) await limit(name);
    await stage.change("1.7.1");
    const { blocked } = await stage.until("the refusal", (status) => status.blocked?.code === "write-refused");
    expect(blocked?.what).toMatch(words);
    const found = (await findings(name)).find(({ fault }) => fault === "write-refused");
    expect(found?.what).toMatch(words);
    await waitFor(
      async () => {
        const { items } = await arena.cluster.list<{ message?: string }>(resource.coreEvents, { namespace: name });
        return items.some(({ message = "" }) => words.test(message)) ? undefined : unmet(`${items.length} Events`);
      },
      30_000,
      `an Event in ${name}`,
    );
  });

  it("counts against the deadline of its pods, which ends the run in the API server's words", async () => {
    const stage = stages.get(late.name)!;
    const at = { namespace: late.name, name: "podinfo" };
    const body = { spec: { progressDeadlineSeconds: 5 } };
    await arena.cluster.patch(resource.canaries, at, { type: "merge", body });
    await stage.change("1.7.1");
    const { history } = await stage.until("the deadline", ({ run, phase }) => phase === "Failed" && run === undefined);
    expect(history?.[0]?.cause).toMatch(/not ready within 5s/);
    expect(history?.[0]?.cause).toMatch(late.words);
  });
});
