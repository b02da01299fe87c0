import { expect, it } from "vitest";
import { ManualClock, settled } from "../../test/kube/manual-clock.ts";
import { now, scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { aTerminal } from "../../test/plugin/fixtures/terminal.ts";
import { RecordingCluster } from "../../test/recording-cluster.ts";
import type { Page, WatchEvent } from "../../shared/kube/cluster.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { viewCanary } from "../view/canary-view.ts";
import { Feed, tellingOf } from "./feed.ts";
import { Recorder } from "./recorder.ts";
import type { OverviewChange } from "./types.ts";

/** Lets nobody watch; what may be listed is the test's to say. */
class Unwatchable extends RecordingCluster {
  canary = structuredClone(states["progressing"]!.canary);
  refusal: CanaryError | undefined;

  override async *pages<T>(): AsyncIterable<Page<T>> {
    await settled();
    if (this.refusal) throw this.refusal;
    yield { items: [structuredClone(this.canary)] as T[], resourceVersion: "1" };
  }

  override async *watch<T>(): AsyncIterable<WatchEvent<T>> {
    await settled();
    throw new CanaryError("Forbidden", "No watch.");
  }
}

async function feeding(
  cluster: Unwatchable,
): Promise<{ clock: ManualClock; told: OverviewChange[]; end: () => Promise<void> }> {
  const [clock, ending] = [new ManualClock(), new AbortController()];
  const deps = { ...aTerminal({}), timers: clock, cluster, signal: ending.signal };
  const feed = new Feed(deps, scope, new Recorder());
  const told: OverviewChange[] = [];
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve) => {
    ended = feed.run({}, () => Promise.resolve(resolve()));
  });
  feed.subscribe((change) => told.push(change));
  const end = async (): Promise<void> => {
    ending.abort();
    await ended;
  };
  return { clock, told, end };
}

/** Ten seconds, each look to its end. */
async function passing(clock: ManualClock): Promise<void> {
  for (let times = 0; times < 100; times++) await clock.advance(100);
}

it("Canaries that may be listed and not watched are listed again and again", async () => {
  const cluster = new Unwatchable([]);
  const { clock, told, end } = await feeding(cluster);
  const { metadata, status } = cluster.canary;
  cluster.canary = {
    ...cluster.canary,
    metadata: { ...metadata, resourceVersion: "2" },
    status: { ...status!, reason: "another" },
  };
  await passing(clock);
  expect(told.flatMap(({ changed }) => changed.map(({ reason }) => reason))).toEqual(["another"]);
  expect(told.at(-1)?.away).toBeNull();
  await end();
});

it("Canaries that can no longer be read are said to be out of date, whatever the cause, until they can", async () => {
  const cluster = new Unwatchable([]);
  const { clock, told, end } = await feeding(cluster);
  cluster.refusal = new CanaryError("Untrusted", "Another network answers.");
  await passing(clock);
  expect(told.at(-1)?.away?.words).toBe("Another network answers.");
  cluster.refusal = undefined;
  await passing(clock);
  expect(told.at(-1)?.away).toBeNull();
  expect(told).toHaveLength(3);
  await end();
});

it("a Lease that is renewed is no news, and a controller that falls silent is", () => {
  const view = viewCanary(states["progressing"]!, scope, now);
  const renewed = { ...view, controller: { ...view.controller, renewedAt: new Date(now + 2_000).toISOString() } };
  expect(view.controller.renewedAt).not.toBeNull();
  expect(tellingOf(renewed)).toBe(tellingOf(view));
  const silent = viewCanary(states["left by its controller"]!, scope, now);
  expect(tellingOf(silent)).not.toBe(tellingOf(view));
  expect(tellingOf({ ...view, reason: "another" })).not.toBe(tellingOf(view));
});
