import { describe, expect, it } from "vitest";
import { distance, relative } from "./time.ts";
import { ago, now } from "../../test/plugin/fixtures/seen.ts";

describe("a time", () => {
  it("is told from now", () => {
    expect(relative(ago(40), now)).toBe("40s ago");
    expect(relative(ago(-7), now)).toBe("in 7s");
    expect(relative(ago(0.2), now)).toBe("now");
    expect(distance(ago(190), now)).toBe("3m10s");
  });

  it("that is none is shown as it is", () => expect(relative("soon", now)).toBe("soon"));
});
