/** Before a release: how its weights would rise, and when bad versions would go back, by the traffic of the last hour. */
import { useState } from "preact/hooks";
import { formatDuration } from "../../../shared/core/format/duration.ts";
import type { PlanView } from "../../commands/plan/view.ts";
import { Figure, type Plot } from "./figure.tsx";
import { shownSafely } from "./live.ts";
import { Mark, Section, Table } from "./parts.tsx";
import type { CanaryPlace } from "./place.ts";
import type { Point } from "./plot.ts";
import { none } from "./words.ts";

export function Plan({ at }: { at: CanaryPlace }) {
  const [rps, setRps] = useState("");
  const [found, setFound] = useState<PlanView | string>();
  const [isAsking, setAsking] = useState(false);
  const ask = (event: Event): void => {
    event.preventDefault();
    if (isAsking) return;
    setAsking(true);
    void askFor(at, rps).then((answer) => {
      setFound(answer);
      setAsking(false);
    });
  };
  return (
    <Section title="Plan of the next release">
      <form class="ask" onSubmit={ask}>
        <label>
          Requests per second (empty: of the last hour)
          <input inputMode="decimal" value={rps} onInput={(event) => setRps(event.currentTarget.value)} />
        </label>
        <button type="submit" aria-disabled={isAsking}>
          {isAsking ? "Simulating …" : "Plan"}
        </button>
      </form>
      <p role="status">{typeof found === "string" ? found : ""}</p>
      {typeof found === "object" ? <Found plan={found} /> : null}
    </Section>
  );
}

// --- internal ---

const seconds = (value: number): string => formatDuration(1_000 * value);

function Found({ plan }: { plan: PlanView }) {
  const head = ["A version that", "Goes back after", "At step", "Bad requests", "Promoted all the same"];
  return (
    <>
      <p class="note">{wordsOf(plan)}</p>
      <div class="plots">
        <Figure {...plotOf(plan)} />
      </div>
      <Table label="Versions" head={head}>
        {plan.versions.map(({ fault, percent, back, promoted }) => (
          <tr key={`${fault}${percent}`}>
            <th scope="row">{fault === "slow" ? `is slow in ${percent}%` : `fails ${percent}%`}</th>
            <td>{back ? seconds(back.seconds.median) : "never"}</td>
            <td>{back ? back.step.median : none}</td>
            <td>{back ? back.badRequests.median : none}</td>
            <td>{`${Math.round(promoted.percent)}%`}</td>
          </tr>
        ))}
      </Table>
      {plan.remarks.map(({ code, text }) => (
        <p key={code} class="warning">
          <Mark level="warn" /> {text}
        </p>
      ))}
    </>
  );
}

function wordsOf({ traffic, run, good }: PlanView): string {
  const rate = `At ${Math.round(traffic.requestsPerSecond * 10) / 10} requests per second`;
  const least = `at best ${seconds(run.leastSeconds)}`;
  const end = run.seconds
    ? `a version as good as stable is promoted after ${seconds(run.seconds.median)}, ${least}`
    : `no version is promoted (${least})`;
  return `${rate} ${end}; it is taken back in ${Math.round(good.takenBack.percent)}% of runs. Medians of runs in simulation.`;
}

/** The steps of a good version, and a dot for each bad one where it goes back. */
function plotOf({ steps, versions, run }: PlanView): Plot {
  let at = 0;
  const rising = steps.map(({ weightPercent, seconds: spread, leastSeconds }): Point => {
    const point = { at: at * 1_000, value: weightPercent };
    at += spread?.median ?? leastSeconds;
    return point;
  });
  const backs = versions.flatMap(({ back }): Point[] => {
    if (!back) return [];
    const value = steps[back.step.median - 1]?.weightPercent;
    const time = back.seconds.median * 1_000;
    return [
      { at: time, value },
      { at: time, value: undefined },
    ];
  });
  const end = Math.max(at, run.leastSeconds) * 1_000;
  return {
    title: "Weight, and where bad versions go back",
    lines: [
      {
        name: "good version",
        kind: "canary",
        points: [...rising, { at: end, value: rising.at(-1)?.value }],
        steps: true,
      },
      { name: "bad versions go back", kind: "back", points: backs },
    ],
    times: { low: 0, high: Math.max(end, ...backs.map((point) => point.at)) },
    values: { low: 0, high: 100 },
    format: (value) => `${value}%`,
    timeWords: (ms) => formatDuration(ms),
  };
}

async function askFor({ namespace, name }: CanaryPlace, rps: string): Promise<PlanView | string> {
  try {
    const answer = await fetch(`api/plans/${namespace}/${name}?rps=${encodeURIComponent(rps)}`);
    if (answer.ok) return shownSafely((await answer.json()) as PlanView);
    return shownSafely((await answer.text()).trim());
  } catch {
    return "The dashboard's server does not answer: is it still running?";
  }
}
