// What a migration knows of Flagger's controllers while it lasts.
import type { V1Deployment } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { resource } from "../../../shared/kube/resources.ts";
import { ManualClock } from "../../../test/kube/manual-clock.ts";
import { RecordingCluster } from "../../../test/recording-cluster.ts";
import { flaggersLately } from "./read.ts";

const flagger: V1Deployment = {
  metadata: { name: "flagger", namespace: "flagger-system" },
  spec: {
    selector: {},
    template: { spec: { containers: [{ name: "flagger", image: "ghcr.io/fluxcd/flagger:1.44.0" }] } },
  },
};

describe("Flagger's controllers", () => {
  it("are looked for again while a migration lasts, for one may be started in the middle", async () => {
    const given: { of: typeof resource.deployments; object: V1Deployment }[] = [];
    const timers = new ManualClock();
    const flaggers = flaggersLately({ cluster: new RecordingCluster(given), timers });
    expect(await flaggers()).toEqual([]);
    given.push({ of: resource.deployments, object: flagger });
    expect(await flaggers()).toEqual([]);
    await timers.advance(10_000);
    expect(await flaggers()).toEqual([flagger]);
  });
});
