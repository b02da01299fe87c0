/** All Canaries, those that need a person first. */
import { memo } from "preact/compat";
import { useState } from "preact/hooks";
import { distance } from "../../terminal/time.ts";
import type { CanaryView } from "../../view/types.ts";
import type { OverviewChange } from "../types.ts";
import { type Level, Mark } from "./parts.tsx";
import { changeIn, weightIn } from "./words.ts";

const groups: readonly { title: string; levels: readonly Level[] }[] = [
  { title: "Need a person", levels: ["bad", "warn"] },
  { title: "Under way", levels: ["busy"] },
  { title: "Steady", levels: ["good"] },
];

/** What the news so far come to. */
export interface Known {
  canaries: ReadonlyMap<string, CanaryView>;
  away: OverviewChange["away"];
}

export function Overview({ known, now }: { known: Known | undefined; now: number }) {
  const [wanted, want] = useState("");
  if (!known) return <p class="note">Reading the Canaries …</p>;
  const { canaries, away } = known;
  const shown = [...canaries.values()].filter((view) => key(view).includes(wanted.trim().toLowerCase()));
  return (
    <>
      {away ? <p class="banner warn">{`Not up to date for ${distance(away.since, now)}: ${away.words}`}</p> : null}
      <div class="title">
        <h1>Canaries</h1>
        <label class="filter">
          <span class="unseen">Filter by name or namespace</span>
          <input
            type="search"
            placeholder="Filter by name"
            value={wanted}
            onInput={(event) => want(event.currentTarget.value)}
          />
        </label>
      </div>
      {canaries.size === 0 ? <p>There is no Canary here yet. Make one: kubectl canary init deploy/NAME</p> : null}
      {canaries.size > 0 && shown.length === 0 ? <p>No Canary has this in its name.</p> : null}
      {groups.map(({ title, levels }) => (
        <Group key={title} title={title} canaries={sortedFor(levels, shown)} now={now} />
      ))}
    </>
  );
}

// --- internal ---

const key = ({ namespace, name }: CanaryView): string => `${namespace}/${name}`;

function sortedFor(levels: readonly Level[], canaries: readonly CanaryView[]): CanaryView[] {
  return levels.flatMap((level) =>
    canaries.filter(({ verdict }) => verdict.level === level).sort((a, b) => (key(a) < key(b) ? -1 : 1)),
  );
}

/** After the first minute by whole minutes: hundreds of rows must not be drawn anew each second. */
function sinceWords(since: string | null, now: number): string {
  if (since === null) return "";
  const age = now - Date.parse(since);
  return `for ${distance(since, age < minuteMs ? now : now - (age % minuteMs))}`;
}

const minuteMs = 60_000;

function Group({ title, canaries, now }: { title: string; canaries: CanaryView[]; now: number }) {
  if (canaries.length === 0) return null;
  return (
    <section>
      <h2>
        {title} <span class="count">{canaries.length}</span>
      </h2>
      <ul class="rows">
        {canaries.map((view) => (
          <Row key={key(view)} view={view} since={sinceWords(view.phaseSince, now)} />
        ))}
      </ul>
    </section>
  );
}

/** Drawn again only when something in it has changed: a page may have hundreds. */
const Row = memo(({ view, since }: { view: CanaryView; since: string }) => {
  const { run, verdict } = view;
  const weight = weightIn(view);
  return (
    <li>
      <a class={`row ${verdict.level}`} href={`#/${view.namespace}/${view.name}`}>
        <span class="name">
          <Mark level={verdict.level} />
          <strong>{view.name}</strong> <span class="where">{view.namespace}</span>
        </span>
        <span class="said">{view.reason || verdict.text}</span>
        <span class="change">{changeIn(view)}</span>
        <span class="run">
          {run ? `step ${run.step}/${run.steps}, ${weight}%` : view.phase || "New"}
          {run ? <progress value={weight} max={100} aria-label="Weight of the canary" /> : null}
        </span>
        <span class="since">{since}</span>
      </a>
    </li>
  );
});
