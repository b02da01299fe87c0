// By the API server's own record: we write nothing for a Deployment that has no Canary, do not even ask for it, and learn of
// changes by watches alone.
import { afterAll, beforeAll, expect, it } from "vitest";
import { httpRoute } from "../../../shared/core/routes/routes.ts";
import {
  auditMark,
  callsSince,
  isOurs,
  ourWrites,
  strayWrites,
  weightsWritten,
  type Call,
} from "../../cluster/parts/audit.ts";
import { apply, mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { deployment, Gated } from "../gated.ts";
import { clientSideApply } from "../tools.ts";

let gated: Gated;

beforeAll(async () => {
  gated = await Gated.start("witness", clientSideApply);
});

afterAll(() => gated.end());

const inNamespace = (...args: string[]): Promise<string> => mustKubectl(["-n", gated.namespace, ...args]);

/** Our calls since `mark`, once the leader has renewed its Lease so many times. */
function ourCallsOver(renewals: number, mark: number): Promise<Call[]> {
  const look = async (): Promise<Call[] | ReturnType<typeof unmet>> => {
    const calls = (await callsSince(mark)).filter(({ user }) => isOurs(user.username));
    const seen = calls.filter(({ verb, objectRef }) => objectRef?.resource === "leases" && verb !== "get").length;
    return seen >= renewals ? calls : unmet(`${seen} renewals`);
  };
  return waitFor(look, 120_000, `${renewals} renewals of the Lease`, 500);
}

it("a Deployment without a Canary is written, changed and deleted without one call of ours", async () => {
  const labels = { app: "bystander" };
  const template = { ...deployment("v1").spec!.template, metadata: { labels } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const mark = await auditMark();
  await apply([{ ...deployment("v1"), metadata: { name: "bystander" }, spec }], gated.namespace);
  await waitForRollout(gated.namespace, "bystander");
  await inNamespace("set", "env", "deploy/bystander", "X=1");
  await inNamespace("rollout", "restart", "deploy/bystander");
  await inNamespace("label", "deploy/bystander", "team=web");
  await inNamespace("scale", "deploy/bystander", "--replicas=0");
  await inNamespace("delete", "deploy/bystander");
  const calls = await ourCallsOver(3, mark);
  expect(calls.filter(({ objectRef }) => objectRef?.name?.startsWith("bystander"))).toEqual([]);
});

it("an idle Canary costs no call at all: what is read is watched", async () => {
  const calls = await ourCallsOver(5, await auditMark());
  const forIt = calls.filter(({ objectRef }) => !objectRef?.namespace || objectRef.namespace === gated.namespace);
  expect(forIt.filter(({ verb }) => verb !== "watch").map(({ verb, objectRef }) => [verb, objectRef])).toEqual([]);
  expect(calls.some(({ objectRef }) => objectRef?.resource === "leases")).toBe(true);
});

it("a canary whose leaf Service is deleted has no share until it is there again; all that we ever wrote is a Canary's", async () => {
  await gated.write("v2");
  await gated.running("v2");
  const mark = await auditMark();
  await inNamespace("delete", "service", "podinfo-canary");
  const look = async (): Promise<true | ReturnType<typeof unmet>> =>
    weightsWritten(await callsSince(mark), gated.namespace, httpRoute).some(({ weight }) => weight === 0) ||
    unmet("no weight of 0 written");
  await waitFor(look, 30_000, "the share of a deleted leaf Service to be taken back");
  await gated.running("v2");
  const calls = await callsSince(0);
  expect(ourWrites(calls).some(({ objectRef }) => objectRef?.namespace === gated.namespace)).toBe(true);
  expect(strayWrites(calls)).toEqual([]);
});
