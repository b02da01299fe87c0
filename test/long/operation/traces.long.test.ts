/**
 * Whatever is deleted, in whichever phase, with the controller there or away: stable goes on serving, and nothing of ours is
 * left where it should go. One row for each deletion and phase; the phases of a deletion side by side.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { arrive, leave } from "../../chart/away.ts";
import { auditMark, callsSince, type Call } from "../../cluster/parts/audit.ts";
import { kubectl } from "../../cluster/client.ts";
import { unmet, waitFor, type Unmet } from "../../cluster/wait.ts";
import { phases, Stage } from "../../e2e/stage.ts";
import type { Provider } from "../../e2e/scenario.ts";

interface Deletion {
  what: string;
  /** Arguments of `kubectl delete`. */
  object: (stage: Stage) => string[];
  /** What must be true once the controller has seen it. */
  then: (stage: Stage, mark: number) => Promise<void>;
  /** What must be true while there is no controller. */
  without?: (stage: Stage) => Promise<void>;
}

const routeOf = ({ router }: Stage): string => `${router.plural}.${router.group}/podinfo`;

async function isMadeAnew(stage: Stage, object: string): Promise<void> {
  const look = async (): Promise<true | Unmet> => {
    const { code, stderr } = await stage.scenario.try("get", object);
    return code === 0 ? true : unmet(stderr);
  };
  await waitFor(look, 30_000, `${object} in ${stage.namespace} to be there again`);
}

/** The controller took the canary's share away after the deletion; says how long after. */
async function losesItsWeight(stage: Stage, mark: number, deleted: string): Promise<void> {
  if (!stage.hasTraffic) return stage.noneFails();
  const look = async (): Promise<{ calls: Call[]; at: number } | Unmet> => {
    const calls = await callsSince(mark);
    const first = stage.weightsIn(calls).find(({ weight }) => weight === 0);
    return first ? { calls, at: first.at } : unmet("no write of weight 0");
  };
  const { calls, at } = await waitFor(look, 30_000, `weight 0 in ${stage.namespace}`);
  const deletion = calls.find(
    ({ verb, objectRef }) =>
      verb === "delete" && objectRef?.namespace === stage.namespace && objectRef.name === deleted,
  );
  if (deletion)
    process.stdout.write(`${stage.namespace}: weight 0 ${at - Date.parse(deletion.stageTimestamp)} ms after\n`);
  await stage.onlyItsShareFails();
  await (await stage.load()).reset();
  await stage.noneFails();
}

async function isGivenBack(stage: Stage): Promise<void> {
  await stage.free();
  await stage.nothingLeft();
  await stage.isItsUsers();
  await stage.noneFails();
}

const deletions: Deletion[] = [
  {
    what: "the route",
    object: (stage) => [routeOf(stage)],
    then: async (stage) => {
      await isMadeAnew(stage, routeOf(stage));
      await stage.noneFails();
      await stage.settle();
      await stage.noneFails();
    },
    without: (stage) => stage.noneFails(),
  },
  {
    what: "the canary's leaf Service",
    object: () => ["service/podinfo-canary"],
    then: async (stage, mark) => {
      await losesItsWeight(stage, mark, "podinfo-canary");
      await isMadeAnew(stage, "service/podinfo-canary");
    },
    without: (stage) => (stage.hasTraffic ? stage.onlyItsShareFails() : stage.noneFails()),
  },
  {
    what: "the canary Deployment",
    object: () => ["deploy/podinfo-canary", "--ignore-not-found"],
    then: (stage, mark) => losesItsWeight(stage, mark, "podinfo-canary"),
    without: (stage) => (stage.hasTraffic ? stage.onlyItsShareFails() : stage.noneFails()),
  },
  {
    // Its share is all that the canary has not: only its coming back helps.
    what: "the primary's leaf Service",
    object: () => ["service/podinfo-primary"],
    then: async (stage, mark) => {
      await isMadeAnew(stage, "service/podinfo-primary");
      await stage.served(15);
      await (await stage.load()).reset();
      await stage.noneFails();
      expect(stage.weightsIn(await callsSince(mark)).filter(({ weight }) => weight === 0)).toEqual([]);
    },
  },
  {
    what: "the Canary",
    object: () => ["canary/podinfo"],
    then: isGivenBack,
    without: async (stage) => {
      await waitFor(
        async () => ((await stage.scenario.try("get", routeOf(stage))).code === 0 ? unmet("still there") : true),
        30_000,
        "garbage collection to take the route",
      );
      await stage.served(15);
      await stage.noneFails();
    },
  },
  {
    what: "the target",
    object: () => ["deploy/podinfo"],
    then: async (stage) => {
      await stage.nothingLeft(120_000);
      expect(await stage.scenario.kubectl("get", "canary", "podinfo", "-o", "jsonpath={.status.reason}")).toContain(
        "Deployment podinfo was not found",
      );
    },
  },
];

describe.each<[Provider, "there" | "away"]>([
  ["gatewayapi:v1", "away"],
  ["linkerd", "there"],
])("by %s", (provider, atTheEnd) => {
  let stages: Stage[];
  const each = (act: (stage: Stage) => Promise<unknown>): Promise<unknown> => Promise.all(stages.map(act));
  const stageOf = (phase: string): Stage => stages.find((stage) => stage.phase === phase)!;

  beforeAll(async () => {
    stages = await Promise.all(phases.map((phase) => Stage.start(`traces-${provider.slice(0, 7)}`, phase, provider)));
  });

  afterAll(async () => {
    await arrive();
    await each((stage) => stage.end());
  });

  describe.each(deletions)("$what is deleted", ({ object, then, without }) => {
    describe("while the controller is there", () => {
      let mark: number;

      beforeAll(async () => {
        await each((stage) => stage.enter());
        mark = await auditMark();
        await each((stage) => stage.scenario.kubectl("delete", ...object(stage), "--wait=false"));
      });

      describe.concurrent("it sees to it", () => {
        it.each(phases)("%s", (phase) => then(stageOf(phase), mark));
      });
    });

    describe("while the controller is away", () => {
      let mark: number;

      beforeAll(async () => {
        await each((stage) => stage.enter());
        await leave();
        await each((stage) => stage.scenario.kubectl("delete", ...object(stage), "--wait=false"));
      });

      if (without)
        describe.concurrent("stable goes on", () => {
          it.each(phases)("%s", (phase) => without(stageOf(phase)));
        });

      describe("and comes back", () => {
        beforeAll(async () => {
          mark = await auditMark();
          await each(async (stage) => (await stage.load()).reset());
          await arrive();
        });

        describe.concurrent("it sees to it", () => {
          it.each(phases)("%s", (phase) => then(stageOf(phase), mark));
        });
      });
    });
  });

  describe(`the namespace is deleted while the controller is ${atTheEnd}`, () => {
    let mark: number;

    beforeAll(async () => {
      await each((stage) => stage.enter());
      if (atTheEnd === "away") await leave();
      mark = await auditMark();
    });

    describe.concurrent("nothing hangs, and nothing of ours is made again", () => {
      it.each(phases)("%s", async (phase) => {
        const { namespace } = stageOf(phase);
        const { code, stderr } = await kubectl(["delete", "namespace", namespace, "--timeout=120s"]);
        expect(code, stderr).toBe(0);
        const made = (await callsSince(mark)).filter(
          ({ verb, objectRef, responseStatus }) =>
            verb === "create" && objectRef?.namespace === namespace && (responseStatus?.code ?? 0) < 300,
        );
        expect(made.map(({ objectRef }) => objectRef?.resource).filter((resource) => resource !== "events")).toEqual(
          [],
        );
      });
    });
  });
});
