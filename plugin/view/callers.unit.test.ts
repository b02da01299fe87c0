import { describe, expect, it } from "vitest";
import { viewCallers } from "./callers.ts";
import { aPod } from "../../test/plugin/fixtures/seen.ts";

describe("callers that must be restarted", () => {
  it("are known by what the controller found behind them, where their pods may not be read", () => {
    const callers = [{ namespace: "web", name: "load-gen-0", workload: "statefulset/load-gen" }];
    expect(viewCallers(callers, "")[0]?.command).toBe("kubectl -n web rollout restart statefulset/load-gen");
  });

  it("are grouped by the workload that brings their pods back", () => {
    const stateful = aPod("db-0", "db", "");
    stateful.metadata!.ownerReferences![0]!.kind = "StatefulSet";
    const callers = [
      { namespace: "test", name: "load-7d4b-x", pod: aPod("load-7d4b-x", "load-7d4b", "7d4b") },
      { namespace: "test", name: "load-7d4b-y", pod: aPod("load-7d4b-y", "load-7d4b", "7d4b") },
      { namespace: "test", name: "db-0", pod: stateful },
      { namespace: "web", name: "front-end-5f7d8c6b9-x2x4k" },
      { namespace: "web", name: "lonely", pod: { metadata: { name: "lonely" } } },
    ];
    expect(viewCallers(callers, " --context blue").map(({ pods, command }) => [pods, command])).toEqual([
      [2, "kubectl -n test rollout restart deploy/load --context blue"],
      [1, "kubectl -n test rollout restart statefulset/db --context blue"],
      [1, "kubectl -n web rollout restart deploy/front-end --context blue"],
      [1, "kubectl -n web delete pod/lonely --context blue"],
    ]);
  });
});
