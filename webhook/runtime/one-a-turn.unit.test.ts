import { describe, expect, it } from "vitest";
import { systemClock } from "../../shared/kube/clock.ts";
import { oneATurn } from "./one-a-turn.ts";

describe("work that waits for nothing", () => {
  it("leaves what comes meanwhile its turn, and keeps its order", async () => {
    const seen: string[] = [];
    const work = oneATurn(systemClock, (key: string) => {
      seen.push(key);
      if (key === "a") setTimeout(() => seen.push("a review"));
      return Promise.resolve(key);
    });
    expect(await Promise.all(["a", "b", "c"].map(work))).toEqual(["a", "b", "c"]);
    expect(seen).toEqual(["a", "a review", "b", "c"]);
  });

  it("is not held up by work that waits, nor by work that fails", async () => {
    const work = oneATurn(systemClock, (key: string) =>
      key === "waits" ? new Promise<string>(() => undefined) : Promise.reject(new Error(key)),
    );
    void work("waits");
    await expect(work("fails")).rejects.toThrow("fails");
    await expect(work("comes later")).rejects.toThrow("comes later");
  });
});
