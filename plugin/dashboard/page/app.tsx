/** The page: all Canaries, or the one that the address names. */
import { useEffect, useState } from "preact/hooks";
import type { Clock } from "../../../shared/kube/clock.ts";
import type { OverviewChange, Setup } from "../types.ts";
import { CanaryPage } from "./canary.tsx";
import { listenTo } from "./live.ts";
import { type Known, Overview } from "./overview.tsx";
import { type CanaryPlace, placeIn } from "./place.ts";

export function App({ clock }: { clock: Clock }) {
  const place = usePlace();
  const now = useNow(clock);
  const setup = useSetup();
  const [isHeard, setHeard] = useState(true);
  const known = useOverview(place === undefined, setHeard);
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        To the content
      </a>
      <Top setup={setup} isHeard={isHeard} />
      <main id="main" tabIndex={-1}>
        {isHeard ? null : <p class="banner warn">{unheard}</p>}
        {place ? (
          <CanaryPage
            key={`${place.namespace}/${place.name}`}
            at={place}
            now={now}
            mayAct={setup?.allowActions === true}
            onConnection={setHeard}
          />
        ) : (
          <Overview known={known} now={now} />
        )}
      </main>
    </>
  );
}

// --- internal ---

const unheard =
  "The dashboard's server does not answer: is kubectl canary dashboard still running? One that was started again has another address. What is shown was seen before.";

function Top({ setup, isHeard }: { setup: Setup | undefined; isHeard: boolean }) {
  return (
    <header class="top">
      <a href="#/" class="brand">
        kubectl canary
      </a>
      <span class="where">{setup?.where ?? ""}</span>
      <span class="spacer" />
      {setup && !setup.allowActions ? <span class="badge">read-only</span> : null}
      <span role="status" class={isHeard ? "live" : "live lost"}>
        {isHeard ? "live" : "connection lost"}
      </span>
    </header>
  );
}

function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function usePlace(): CanaryPlace | undefined {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => {
      setHash(location.hash);
      scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return placeIn(hash);
}

/** So that "4s ago" stays true. */
function useNow(clock: Clock): number {
  const [now, setNow] = useState(() => clock.wall());
  useEffect(() => {
    let cancel = (): void => undefined;
    const tick = (): void => {
      setNow(clock.wall());
      cancel = clock.after(1_000, tick);
    };
    cancel = clock.after(1_000, tick);
    return () => cancel();
  }, [clock]);
  return now;
}

function useSetup(): Setup | undefined {
  const [setup, setSetup] = useState<Setup>();
  useEffect(() => {
    void fetch("api/setup").then(async (answer) => {
      if (answer.ok) setSetup((await answer.json()) as Setup);
    });
  }, []);
  return setup;
}

/** Only while it is shown: a browser keeps six connections to a server, and each page needs one. What was known stays. */
function useOverview(isShown: boolean, onConnection: (isHeard: boolean) => void): Known | undefined {
  const [known, setKnown] = useState<Known>();
  useEffect(() => {
    if (!isShown) return undefined;
    const onNews = (change: OverviewChange): void => setKnown((before) => changed(before, change));
    return listenTo("api/canaries", { onNews, onConnection });
  }, [isShown, onConnection]);
  return known;
}

function changed(before: Known | undefined, { all, changed: some, gone, away }: OverviewChange): Known {
  const canaries = new Map(all ? [] : before?.canaries);
  for (const view of [...(all ?? []), ...some]) canaries.set(`${view.namespace}/${view.name}`, view);
  for (const key of gone) canaries.delete(key);
  return { canaries, away };
}
