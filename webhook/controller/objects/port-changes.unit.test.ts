import type { V1Service } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import { settleMs } from "../../../shared/core/objects/made/stable-ports.ts";
import { PortChanges } from "./port-changes.ts";

const leaf: V1Service = { spec: { ports: [{ port: 80, targetPort: 9898 }] } };
const to = (targetPort: number) => ({ ports: [{ port: 80, targetPort }], leaf });

it("settles some seconds after the Service led elsewhere, and is asked again until then", () => {
  const changes = new PortChanges();
  expect(changes.settleInMs("test/podinfo", to(9898), 0)).toBeUndefined();
  expect(changes.settleInMs("test/podinfo", to(9899), 100)).toBe(settleMs);
  expect(changes.settleInMs("test/podinfo", to(9899), 4_100)).toBe(settleMs - 4_000);
  expect(changes.settleInMs("test/podinfo", to(9899), 100 + settleMs)).toBeUndefined();
});

it("begins anew with each change, and with one that was taken back", () => {
  const changes = new PortChanges();
  changes.settleInMs("test/podinfo", to(9899), 0);
  expect(changes.settleInMs("test/podinfo", to(9900), 5_000)).toBe(settleMs);
  changes.settleInMs("test/podinfo", to(9898), 6_000);
  expect(changes.settleInMs("test/podinfo", to(9900), 7_000)).toBe(settleMs);
});

it("knows nothing of a Canary that is gone", () => {
  const changes = new PortChanges();
  changes.settleInMs("test/podinfo", to(9899), 0);
  changes.forget("test/podinfo");
  expect(changes.settleInMs("test/podinfo", to(9899), 9_000)).toBe(settleMs);
});
