import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock, type Clock } from "../../shared/kube/clock.ts";
import { resource } from "../../shared/kube/resources.ts";
import { Election } from "../../webhook/runtime/election.ts";
import type { Lease } from "../../webhook/runtime/lease.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";
import { ManualClock } from "./manual-clock.ts";
import { Proxy } from "./proxy.ts";
import { candidateOptions, leaseDurationMs, leaseNamespace, renewDeadlineMs, retryPeriodMs } from "./terms.ts";

let plane: ControlPlane;
let dir: string;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  dir = await mkdtemp(join(tmpdir(), "election-"));
  await writeFile(join(dir, "kubeconfig"), plane.kubeConfig().exportConfig(), { mode: 0o600 });
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  for (const name of await leaseNames()) {
    await plane.cluster().delete(resource.leases, { name, namespace: leaseNamespace });
  }
});
afterAll(async () => {
  await plane.stop();
  await rm(dir, { recursive: true });
});

const leaseNames = async (): Promise<string[]> =>
  (await plane.cluster().list<Lease>(resource.leases, { namespace: leaseNamespace })).items.map((l) => l.metadata.name);

const notRenewed = `stopped: the Lease was not renewed within ${renewDeadlineMs} ms`;

const readLease = (name = "test-leader"): Promise<Lease> =>
  plane.cluster().get<Lease>(resource.leases, { name, namespace: leaseNamespace });

interface Candidate {
  election: Election;
  /** `started`, and `stopped: <reason>`, as they came. */
  story: string[];
  terms: AbortSignal[];
}

function candidate(
  identity: string,
  with_: { clock?: Clock; port?: number; farewell?: () => Promise<void> } = {},
): Candidate {
  const story: string[] = [];
  const terms: AbortSignal[] = [];
  const election = new Election(
    {
      // A clock that the test moves does not bring the next attempt by itself.
      cluster: plane.cluster({
        timeoutMs: with_.clock ? 30_000 : 1_500,
        ...(with_.port === undefined ? {} : { port: with_.port }),
      }),
      clock: with_.clock ?? systemClock,
      random: () => 0.5,
      onStartedLeading: (term) => {
        story.push("started");
        terms.push(term);
      },
      onStoppedLeading: async (reason) => {
        await with_.farewell?.();
        story.push(`stopped: ${reason}`);
      },
    },
    candidateOptions(identity),
  );
  election.start();
  ends.push(() => election.stop());
  return { election, story, terms };
}

const leads = (candidate: Candidate, deadlineMs = 60_000): Promise<true> =>
  waitFor(() => candidate.election.isLeader() || unmet("it does not lead"), deadlineMs, "a candidate to lead", 5);

/** A candidate as a process, and a way to await its next line. */
class Process {
  readonly child: ChildProcess;
  readonly lines: string[] = [];

  constructor(identity: string) {
    this.child = spawn(
      process.execPath,
      [join(import.meta.dirname, "candidate.ts"), join(dir, "kubeconfig"), identity],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    if (this.child.stdout) createInterface(this.child.stdout).on("line", (line) => this.lines.push(line));
    ends.push(() => this.end());
  }

  says(line: string, from = 0): Promise<true> {
    const said = (): true | ReturnType<typeof unmet> =>
      this.lines.slice(from).some((l) => l.startsWith(line)) || unmet(`it said: ${this.lines.join(", ")}`);
    return waitFor(said, 60_000, `the process to say "${line}"`, 5);
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}

describe("leader election on a real API server", () => {
  it("makes one of two candidates the leader, and both name it", async () => {
    const one = candidate("one");
    await leads(one);
    const two = candidate("two");
    await waitFor(() => two.election.leader() === "one" || unmet(two.election.leader()), 60_000, "two to see one");
    expect([one.election.isLeader(), two.election.isLeader()]).toEqual([true, false]);
    const { spec } = await readLease();
    expect([spec?.holderIdentity, spec?.leaseDurationSeconds, spec?.leaseTransitions]).toEqual([
      "one",
      leaseDurationMs / 1_000,
      1,
    ]);
  });

  it("of eight candidates starting at once, never lets two lead", async () => {
    const candidates = Array.from({ length: 8 }, (_, i) => candidate(`candidate-${i}`));
    const leading = (): number => candidates.filter(({ election }) => election.isLeader()).length;
    await waitFor(() => leading() === 1 || unmet(`${leading()} lead`), 60_000, "a leader", 1);
    await waitFor(
      () => candidates.every(({ election }) => election.leader() !== "") || unmet("some wait"),
      60_000,
      "all",
    );
    expect(leading()).toBe(1);
    expect(candidates.flatMap(({ story }) => story)).toEqual(["started"]);
  });

  it("hands over within the retry period when the leader stops, its work finished first", async () => {
    const order: string[] = [];
    const one = candidate("one", {
      farewell: async () => {
        order.push(`Lease held by "${(await readLease()).spec?.holderIdentity}" while work is finished`);
      },
    });
    await leads(one);
    const clock = new ManualClock();
    const two = candidate("two", { clock });
    await waitFor(() => two.election.leader() === "one" || unmet("not yet"), 60_000, "two to see one");
    await one.election.stop();
    expect(one.election.isLeader()).toBe(false);
    expect(one.terms[0]?.aborted).toBe(true);
    const stoppedAt = clock.now();
    await nextLook(clock);
    await leads(two);
    expect(clock.now() - stoppedAt).toBeLessThan(retryPeriodMs);
    expect(order).toEqual(['Lease held by "one" while work is finished']);
    expect(one.story).toEqual(["started", "stopped: the process is stopping"]);
  });

  it("takes over from a killed process after the Lease's duration, and not before", async () => {
    const killed = new Process("killed");
    await killed.says("started");
    const clock = new ManualClock();
    const firstLookAt = clock.now();
    const two = candidate("two", { clock });
    await waitFor(() => two.election.leader() === "killed" || unmet("not yet"), 60_000, "two to see the leader");
    await killed.end();
    await nextLook(clock);
    // The last renewal was seen at the first look or at this one.
    const lastLookAt = clock.now();
    await waits(clock);
    while (!two.election.isLeader()) {
      expect(clock.now() - lastLookAt).toBeLessThan(leaseDurationMs);
      await nextLook(clock);
      await waits(clock);
    }
    expect(clock.now() - firstLookAt).toBeGreaterThanOrEqual(leaseDurationMs);
  });

  it("is taken over from while frozen, and knows on waking that it does not lead", async () => {
    const frozen = new Process("frozen");
    await frozen.says("writes");
    frozen.child.kill("SIGSTOP");
    const two = candidate("two");
    await leads(two);
    const from = frozen.lines.length;
    frozen.child.kill("SIGCONT");
    await frozen.says("stopped", from);
    await frozen.says("refrains", from);
    const { spec } = await readLease();
    expect(spec?.holderIdentity).toBe("two");
    expect(frozen.lines.slice(from).sort()).toEqual(["refrains", notRenewed]);
    expect(two.story).toEqual(["started"]);
  });

  it("answers no to the first question after a freeze, before any timer has run", async () => {
    const clock = new ManualClock();
    const one = candidate("one", { clock });
    await leads(one);
    clock.freeze(renewDeadlineMs - 1);
    expect(one.election.isLeader()).toBe(true);
    clock.freeze(1);
    expect(one.election.isLeader()).toBe(false);
    expect(one.terms[0]?.aborted).toBe(false);
    await clock.advance(0);
    expect(one.terms[0]?.aborted).toBe(true);
    expect(one.story).toEqual(["started", notRenewed]);
    // Nobody else wanted it: a new term begins.
    await leads(one);
    expect(one.terms).toHaveLength(2);
  });

  it("stops leading where only the wall clock went on, as on a machine that slept", async () => {
    const clock = new ManualClock();
    const one = candidate("one", { clock });
    await leads(one);
    clock.setWall(60_000);
    expect(one.election.isLeader()).toBe(false);
  });

  it("goes by its own steady clock while waiting: neither timestamps from elsewhere nor a wall clock set forward count", async () => {
    const ancient = "1999-01-01T00:00:00.000000Z";
    await plane.cluster().create<Lease>(resource.leases, {
      metadata: { name: "test-leader", namespace: leaseNamespace },
      spec: {
        holderIdentity: "elsewhere",
        leaseDurationSeconds: leaseDurationMs / 1_000,
        acquireTime: ancient,
        renewTime: ancient,
      },
    });
    const clock = new ManualClock();
    const one = candidate("one", { clock });
    await waitFor(() => one.election.leader() === "elsewhere" || unmet("not yet"), 60_000, "the Lease to be seen");
    clock.setWall(3_600_000);
    for (let passed = 0; passed < leaseDurationMs - retryPeriodMs; passed += retryPeriodMs) {
      await nextLook(clock);
      expect(one.election.leader()).toBe("elsewhere");
    }
    const looking = (async () => {
      while (!one.election.isLeader()) await nextLook(clock);
    })();
    await leads(one);
    await looking;
  });

  it("leads no more once it cannot reach the API server, and leads again when it can", async () => {
    const proxy = await Proxy.start(plane.port);
    ends.push(() => proxy.stop());
    const one = candidate("one", { port: proxy.port });
    await leads(one);
    proxy.swallow();
    await waitFor(() => !one.election.isLeader() || unmet("it leads"), 60_000, "the lead to be lost", 5);
    await waitFor(() => one.story.length === 2 || unmet(one.story.join()), 60_000, "it to be told");
    proxy.forward();
    await leads(one);
    expect(one.story).toEqual(["started", notRenewed, "started"]);
  });

  it("yields to whoever holds the Lease, even if it was put there by force", async () => {
    const one = candidate("one");
    await leads(one);
    const at = { name: "test-leader", namespace: leaseNamespace };
    const body = { spec: { holderIdentity: "usurper" } };
    await plane.cluster().patch(resource.leases, at, { type: "merge", body });
    await waitFor(() => one.story.length === 2 || unmet(one.story.join()), 60_000, "it to be told");
    expect(one.story[1]).toBe('stopped: "usurper" holds the Lease');
  });

  it("makes the Lease anew where someone deleted it", async () => {
    const one = candidate("one");
    await leads(one);
    await plane.cluster().delete(resource.leases, { name: "test-leader", namespace: leaseNamespace });
    const back = async (): Promise<true | ReturnType<typeof unmet>> =>
      (await readLease()).spec?.holderIdentity === "one" || unmet("nobody");
    await waitFor(back, 60_000, "the Lease to be there again");
    expect(one.story).toEqual(["started"]);
  });
});

/** Lets a waiting candidate look once more: its timer must be set first, which real requests delay. */
const waits = (clock: ManualClock): Promise<true> =>
  waitFor(() => clock.timers.length > 0 || unmet("no timer"), 60_000, "the candidate to wait", 1);

async function nextLook(clock: ManualClock): Promise<void> {
  await waits(clock);
  await clock.advance(clock.timers[0] ?? 0);
}
