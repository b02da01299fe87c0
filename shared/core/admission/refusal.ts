/** Why a Canary is refused when it is written: one answer with every reason, so that nobody is sent back twice. */
import { cut } from "../format/cut.ts";
import { type FieldError, formatErrors } from "../spec/policy.ts";
import type { Impossible } from "./impossible.ts";

/** In characters, of all reasons together; what is beyond is counted. */
export const longestRefusal = 8_192;
/** Of one, which may have a line of the Canary's own query in it. */
const longestReason = 2_048;

/**
 * Faults of the text first, in the order of their checks, then what could never begin a run; each with its field and what to write instead.
 * Undefined where there is none.
 */
export function refusalText(faults: readonly FieldError[], impossible: readonly Impossible[]): string | undefined {
  const reasons = [...faults.map((fault) => formatErrors([fault])), ...impossible.map(wordsOf)].map((one) =>
    cut(one, longestReason),
  );
  if (reasons.length === 0) return undefined;
  const kept = fitting(reasons);
  const clauses = reasons.slice(0, Math.min(kept, faults.length)).join("; ");
  const sentences = reasons.slice(faults.length, kept).join(" ");
  const rest = kept < reasons.length ? [`There are ${reasons.length - kept} more reasons.`] : [];
  const after = [sentences, ...rest].filter((one) => one !== "").join(" ");
  return [clauses, after].filter((one) => one !== "").join(". ");
}

// --- internal ---

function wordsOf({ fields, what }: Impossible): string {
  return [...fields.filter((field) => !what.includes(field)).map((one) => `${one}: `), what].join("");
}

/** How many of the texts fit. */
function fitting(texts: readonly string[]): number {
  let length = 0;
  const over = texts.findIndex((text) => (length += text.length + 2) > longestRefusal);
  return over < 0 ? texts.length : over;
}
