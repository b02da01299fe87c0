/** The steps of a run: done, present and to come, with the earliest time of each. */
import { relative } from "../../terminal/time.ts";
import type { PageView, StepView } from "../types.ts";
import { Section } from "./parts.tsx";
import { clockTime } from "./words.ts";

export function Steps({ page, now }: { page: PageView; now: number }) {
  const { steps, canary } = page;
  if (steps.length === 0) return null;
  const note = etaWords(page, now);
  return (
    <Section title="Steps" {...(note === undefined ? {} : { note })}>
      <ol class="steps">
        {steps.map((step) => (
          <li
            key={step.number}
            class={canary.run ? step.state : "idle"}
            {...(step.state === "current" ? { "aria-current": "step" as const } : {})}
          >
            <b>{step.weightPercent}%</b>
            <span>{stepWords(step, canary.run !== null)}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

// --- internal ---

function stepWords({ state, earliestAt }: StepView, isRunning: boolean): string {
  if (!isRunning) return "";
  if (state === "done") return "done";
  if (state === "current") return "now";
  return earliestAt === null ? "to come" : clockTime(earliestAt);
}

function etaWords({ canary: { run } }: PageView, now: number): string | undefined {
  if (!run) return "No run is under way.";
  if (!run.eta) return run.ending ? undefined : "When it ends is not known: it does not go on by itself just now.";
  const { earliestAt, atThisRateAt } = run.eta;
  const rate = atThisRateAt === null ? "" : `; at this rate ${clockTime(atThisRateAt)}`;
  return `The promotion begins at ${clockTime(earliestAt)} at the earliest, ${relative(earliestAt, now)}${rate}.`;
}
