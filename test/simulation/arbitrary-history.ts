/** Runs that are over, and which of their versions may go out again at once, for property tests. */
import fc from "fast-check";
import { runOutcomes } from "../../shared/core/objects/canary-status.ts";
import type { RollbackWindow } from "../../shared/core/spec/rollback-window.ts";
import { aVersion, hashOf, imagesAt, start } from "../builders.ts";

const tags = ["1.7.0", "1.7.1", "1.7.2"] as const;

export const anyBack = fc.record({
  how: fc.constantFrom("window" as const, "command" as const),
  run: fc.constant("cafe1700-0"),
  cause: fc.constant("it went out again at once"),
});

export const anyWindow: fc.Arbitrary<RollbackWindow> = fc.constantFrom(
  { versions: 1 },
  { versions: 5 },
  { durationMs: 60_000 },
  { versions: 5, durationMs: 600_000 },
);

/** Newest first, a minute apart. */
export const anyHistory = fc
  .array(
    fc.record({
      tag: fc.constantFrom(...tags),
      outcome: fc.oneof({ weight: 3, arbitrary: fc.constant("promoted" as const) }, fc.constantFrom(...runOutcomes)),
      isBack: fc.boolean(),
      before: fc.option(fc.constantFrom(...tags).map(aVersion), { nil: undefined }),
    }),
    { maxLength: 6 },
  )
  .map((runs) =>
    runs.map(({ tag, outcome, isBack, before }, index) => ({
      run: `past-${runs.length - index}`,
      intent: hashOf(tag),
      images: imagesAt(tag),
      requestedBy: "alice",
      outcome,
      cause: "some cause",
      startedAt: start - (index + 2) * 60_000,
      endedAt: start - (index + 1) * 60_000,
      ...(isBack ? { back: true as const } : {}),
      ...(before ? { before } : {}),
    })),
  );
