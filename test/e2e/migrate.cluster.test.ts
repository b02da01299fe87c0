// From Flagger to us and back while users send requests: none fails.
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { label } from "../../shared/core/objects/names.ts";
import { getJson } from "../cluster/get.ts";
import { leaveUnderLoad, migrateUnderLoad } from "../migrate/under-load.ts";
import type { Scenario } from "./scenario.ts";

const namespace = "e2e-migrate";
const noneFailed = { failed: 0, failures: [] };
let scenario: Scenario;

beforeAll(async () => {
  scenario = await leaveUnderLoad(namespace, "gatewayapi:v1");
});
afterAll(() => scenario?.end());

it("takes the Canary over without a failed request", async () => {
  expect(await migrateUnderLoad(scenario)).toEqual(noneFailed);
  expect((await scenario.podUids("podinfo-primary")).length).toBe(0);
  await scenario.phase("Initialized");
});

it("gives it back without a failed request, as Flagger takes it for new", async () => {
  expect(await migrateUnderLoad(scenario, "--back")).toEqual(noneFailed);
  expect(await scenario.status()).toEqual({});
  const { items } = await getJson<{ items: V1Service[] }>(["svc", "-n", namespace]);
  expect(items.map(({ metadata, spec }) => [metadata?.name, spec?.selector])).toEqual([
    ["podinfo", { app: "podinfo" }],
  ]);
  const target = await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]);
  expect(Object.keys(target.metadata?.labels ?? {})).not.toContain(label.target);
});
