/** Whatever the history: what goes out without steps was promoted before, and is older than what is stable. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { aHeldTarget, anObservation, aPolicy, aState, aVersion, endpoints, hashOf } from "../../../test/builders.ts";
import { anyHistory, anyWindow } from "../../../test/simulation/arbitrary-history.ts";
import { decide } from "../decide.ts";

const tags = ["1.7.0", "1.7.1", "1.7.2"] as const;

it("a version goes out at once only where it was judged before stable was, and was not rejected since", () => {
  const begun: string[] = [];
  const property = fc.property(
    fc.constantFrom(...tags),
    fc.constantFrom(...tags),
    fc.option(anyWindow, { nil: undefined }),
    anyHistory,
    (stable, asked, window, history) => {
      const target = aHeldTarget(asked, { active: [aVersion(stable)], stableMark: `pod${stable}` });
      const primary = endpoints({ [`pod${stable}`]: 4 });
      const seen = anObservation({ target, endpoints: { primary, canary: endpoints() } });
      const policy = { ...aPolicy(), ...(window ? { rollbackWindow: window } : {}) };
      const { state, actions } = decide(aState({ history, stable: aVersion(stable) }), seen, policy);
      if (!state.run?.back) return;
      begun.push(asked);
      const firstJudged = (tag: string): number =>
        history.findLastIndex((run) => run.intent === hashOf(tag) && run.outcome === "promoted" && !("back" in run));
      expect(window).toBeDefined();
      expect(firstJudged(asked)).toBeGreaterThan(firstJudged(stable));
      expect(firstJudged(stable)).toBeGreaterThanOrEqual(0);
      const own = history.filter((run) => run.intent === hashOf(asked));
      expect(own.find(({ outcome }) => outcome === "promoted" || outcome === "rejected")?.outcome).toBe("promoted");
      expect(state.weight).toBe(0);
      expect(actions.map((action) => action.kind)).not.toContain("runCanary");
      expect(actions).toContainEqual({ kind: "releaseTarget", intent: hashOf(asked), run: state.run.id });
    },
  );
  fc.assert(property, { numRuns: 2_000, seed: 20261126 });
  // Nothing holds of none.
  expect(begun.length).toBeGreaterThan(20);
});
