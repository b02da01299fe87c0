import { expect, it } from "vitest";
import { coreEvent } from "./core-event.ts";

it.each(["Canary", "Deployment"])("has kubectl-canary as its source, whatever it is about: %s", (kind) => {
  const about = { kind, name: "podinfo", namespace: "test" };
  const at = "2026-11-23T03:00:00Z";
  const said = { type: "Warning", reason: "Synced", message: "Weight 0." };
  expect(coreEvent({ name: "podinfo.1", about, at, instance: "controller-1" }, said)).toMatchObject({
    metadata: { name: "podinfo.1", namespace: "test" },
    involvedObject: about,
    source: { component: "kubectl-canary", host: "controller-1" },
    ...said,
  });
});
