/** The page of one Canary. */
import { useEffect, useState } from "preact/hooks";
import { factTexts, nextText, notesOf, stepText } from "../../render/facts.ts";
import { distance, relative } from "../../terminal/time.ts";
import type { PageNews, PageView } from "../types.ts";
import { Actions } from "./actions.tsx";
import { listenTo } from "./live.ts";
import { Mark } from "./parts.tsx";
import type { CanaryPlace } from "./place.ts";
import { Plan } from "./plan.tsx";
import { Plots } from "./plots.tsx";
import { Commands, Events, History, Objects } from "./records.tsx";
import { Steps } from "./steps.tsx";
import { Checks, Compared, Tracks } from "./tables.tsx";
import { changeIn, weightIn } from "./words.ts";

interface Shown {
  at: CanaryPlace;
  now: number;
  mayAct: boolean;
  /** Whether the server is heard. */
  onConnection: (isHeard: boolean) => void;
}

export function CanaryPage({ at, now, mayAct, onConnection }: Shown) {
  const { page, trouble } = useNews(at, onConnection);
  useTitle(at, page);
  return (
    <>
      <nav aria-label="Way back">
        <a href="#/">All Canaries</a>
      </nav>
      <div class="title">
        <h1>
          {at.name} <span class="where">{at.namespace}</span>
        </h1>
        {page ? <span class="change">{changeIn(page.canary)}</span> : null}
      </div>
      {trouble === undefined ? null : <p class="banner warn">{trouble}</p>}
      {page ? <Found page={page} now={now} mayAct={mayAct} /> : null}
    </>
  );
}

// --- internal ---

function Found({ page, now, mayAct }: { page: PageView; now: number; mayAct: boolean }) {
  const { canary: view } = page;
  return (
    <>
      <Headline page={page} now={now} />
      <Actions page={page} mayAct={mayAct} />
      <Steps page={page} now={now} />
      <Plots page={page} now={now} />
      <div class="pair">
        <Checks view={view} now={now} />
        <Compared page={page} />
      </div>
      <Tracks view={view} now={now} />
      <div class="pair">
        <Events page={page} now={now} />
        <Commands page={page} now={now} />
      </div>
      <History page={page} now={now} />
      <Plan at={view} />
      <Objects page={page} />
    </>
  );
}

function Headline({ page: { canary: view }, now }: { page: PageView; now: number }) {
  const { verdict } = view;
  const next = nextText(view, now);
  return (
    <div class={`banner ${verdict.level}`}>
      <p class="verdict" role="status">
        <Mark level={verdict.level} />
        <strong>{verdict.text}</strong>
      </p>
      {view.reason ? <p>{view.reason}</p> : null}
      {next ? <p class="note">{`Next: ${next}`}</p> : null}
      <dl>
        {shownFacts(view, now).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {warningsOf(view, now).map((text) => (
        <p key={text} class="warning">
          <Mark level="warn" /> {text}
        </p>
      ))}
    </div>
  );
}

function shownFacts(view: PageView["canary"], now: number): [string, string][] {
  const { phase, phaseSince, run } = view;
  const { capacity, kept, paused, gate, unvetted, controller } = factTexts(view, now);
  const since = phaseSince ? `, for ${distance(phaseSince, now)}` : "";
  const facts: [string, string][] = [
    ["Phase", `${phase || "New"}${run ? `, ${run.stage}` : ""}${since}`],
    ["Weight", `${weightIn(view)}%${ofWhat(view)}${run ? `, ${stepText(run)}` : ""}`],
    ["Capacity", capacity],
    ["Kept", kept],
    ["Paused", paused],
    ["Gate", gate],
    ["Unvetted", unvetted],
    ["Asked by", run ? `${run.requestedBy || "unknown"}, ${relative(run.startedAt, now)}` : ""],
    ["Controller", controller],
  ];
  return facts.filter(([, value]) => value !== "");
}

function ofWhat({ isForMatching, hasService }: PageView["canary"]): string {
  if (!hasService) return " as many pods as stable";
  return isForMatching ? " of the requests that match" : "";
}

function warningsOf(view: PageView["canary"], now: number): string[] {
  const restarts = view.callers.map(({ workload, command }) => `${workload} must be restarted once: ${command}`);
  return [...notesOf(view, now), ...restarts];
}

function useNews(
  { namespace, name }: CanaryPlace,
  onConnection: Shown["onConnection"],
): { page: PageView | undefined; trouble: string | undefined } {
  const [page, setPage] = useState<PageView>();
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    const onNews = (news: PageNews): void => {
      if ("page" in news) setPage(news.page);
      setTrouble(troubleIn(news));
    };
    return listenTo<PageNews>(`api/canaries/${namespace}/${name}`, { onNews, onConnection });
  }, [namespace, name, onConnection]);
  return { page, trouble };
}

function troubleIn(news: PageNews): string | undefined {
  if ("gone" in news) return "There is no Canary of this name. What is shown, if anything, was seen before.";
  return "away" in news ? `Not up to date: ${news.away}` : undefined;
}

const signs = { bad: "✖", warn: "!", busy: "◌", good: "✓" } as const;

function useTitle({ name }: CanaryPlace, page: PageView | undefined): void {
  const title = page ? `${signs[page.canary.verdict.level]} ${name}: ${page.canary.phase}` : name;
  useEffect(() => {
    document.title = title;
    return () => void (document.title = "Canaries");
  }, [title]);
}
