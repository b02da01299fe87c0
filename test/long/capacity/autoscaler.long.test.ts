// A real HorizontalPodAutoscaler would take stable's idle pods away: neither a promotion nor going back, nor a load that doubles under way,
// leaves the tracks with fewer pods than the load needs.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Autoscaled, neededFor, rate } from "../../e2e/autoscaled.ts";

let app: Autoscaled;
let before = "";

beforeAll(async () => {
  app = await Autoscaled.start("autoscaler");
});
afterAll(() => app?.end());

describe("under an autoscaler", () => {
  beforeEach(async () => {
    before = await app.written();
    await (await app.scenario.load()).reset();
    app.ready.forget();
  });

  afterEach(async () => {
    expect(await app.written()).toBe(before);
    const { failed, failures } = await (await app.scenario.load()).counts();
    expect(failed, JSON.stringify(failures)).toBe(0);
  });

  it("a rollback at 90 finds stable as large as it was", async () => {
    await app.rollBack();
    expect(app.ready.least().stable).toBeGreaterThanOrEqual(neededFor(rate));
    await app.scenario.setImage("1.7.0");
    await app.scenario.phase("Initialized");
  });

  it("a promotion, with a load that doubles at weight 50, has the pods for it", async () => {
    const grownAt = await app.promote();
    expect(app.ready.least().both).toBeGreaterThanOrEqual(neededFor(rate));
    const since = app.ready.seen.filter(({ at }) => at >= grownAt);
    const few = since.filter(({ stable, canary }) => stable + canary < neededFor(2 * rate));
    expect(few, JSON.stringify(since)).toEqual([]);
    expect(app.ready.now().stable).toBeGreaterThanOrEqual(neededFor(2 * rate));
  });
});
