import { expect, it } from "vitest";
import { cureText } from "./preconditions.ts";

it("a cure is a command for the cluster that was asked, after words where it needs them", () => {
  expect(cureText({ run: "kubectl -n mesh scale deploy/flagger --replicas 0" }, " --context c")).toBe(
    "kubectl -n mesh scale deploy/flagger --replicas 0 --context c",
  );
  expect(cureText({ say: "delete it, or", run: "kubectl edit x" })).toBe("delete it, or: kubectl edit x");
});
