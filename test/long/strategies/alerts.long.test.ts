/** How long after the weight is 0 the receiver has the alert of a failing version: by the API server's own log, and the receiver's clock. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { httpRoute } from "../../../shared/core/routes/routes.ts";
import { aReceiver, type Receiver } from "../../alerts/receiver.ts";
import { schemas } from "../../alerts/schemas.ts";
import { importFaultyImages } from "../../app/install.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { printTable } from "../../bench/measure.ts";
import { setValue } from "../../chart/install.ts";
import { network } from "../../cluster/layout.ts";
import { auditMark, callsSince, weightsWritten } from "../../cluster/parts/audit.ts";
import { Scenario } from "../../e2e/scenario.ts";

const namespace = "long-alerts";
const withinMs = 2_000;
const rounds = [1, 2, 3, 4, 5];
const table: string[][] = [];
let receiver: Receiver;
let scenario: Scenario;

/** Tenants' alerts go to public addresses, unless the chart lists others. */
const allow = (hosts: string): Promise<void> => setValue("alerts.allowedAddresses", hosts);

beforeAll(async () => {
  await allow(`{${network.nodeAddress}}`);
  await importFaultyImages();
  receiver = await aReceiver({ schema: schemas.slack, host: network.nodeAddress });
  scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    analysis: {
      ...{ interval: "5s", threshold: 1, stepWeight: 20, comparison: { mode: "always", marginPercent: 0 } },
      alerts: [{ name: "on-call", severity: "error", providerRef: { name: "on-call" } }],
    },
    objects: () => [
      {
        ...{ apiVersion: "flagger.app/v1beta1", kind: "AlertProvider", metadata: { name: "on-call", namespace } },
        spec: { type: "slack", address: receiver.address },
      },
    ],
  });
});

afterAll(async () => {
  printTable(["failing version", "weight 0 at", "alert after"], table);
  await scenario.end();
  await receiver.close();
  await allow("null");
});

it.each(rounds)(`an alert is with its receiver within ${withinMs} ms of weight 0 (round %i)`, async (round) => {
  const mark = await auditMark();
  await scenario.setContainer({
    image: podinfoImage("1.8.7-broken"),
    env: [{ name: "ROUND", value: String(round) }],
  });
  const letters = await receiver.arrived(round);
  await scenario.phase("Failed");
  const weights = weightsWritten(await callsSince(mark), namespace, httpRoute);
  const given = weights.findIndex(({ weight }) => weight > 0);
  const taken = weights.find(({ weight }, index) => index > given && weight === 0);
  const afterMs = (letters[round - 1]?.at ?? Infinity) - (taken?.at ?? Infinity);
  table.push([String(round), new Date(taken?.at ?? 0).toISOString(), `${afterMs} ms`]);
  expect(given).toBeGreaterThanOrEqual(0);
  expect(afterMs).toBeLessThanOrEqual(withinMs);
  expect(letters).toHaveLength(round);
  expect(receiver.faults).toEqual([]);
});
