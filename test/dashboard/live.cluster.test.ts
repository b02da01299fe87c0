// What the dashboard's server tells its pages, over an API server of its own that changes, is restarted, and refuses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSession } from "../../plugin/cluster/session.ts";
import { dashboard } from "../../plugin/dashboard/dashboard.ts";
import type { OverviewChange, PageNews, PageView } from "../../plugin/dashboard/types.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { resource } from "../../shared/kube/resources.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { place, placeController, setStatus } from "../plugin/fixtures/place.ts";
import { defineResources, type Plane, startPlane, waitUntilReady } from "../plugin/fixtures/plane.ts";
import { states } from "../plugin/fixtures/states.ts";
import { aTerminal } from "../plugin/fixtures/terminal.ts";

const namespace = "live";
const assets = { html: "", script: "", style: "", icon: "" };
const ending = new AbortController();
let plane: Plane;
let ended: Promise<number>;
/** Of the page, with the cookie for it. */
let home: string;
let cookie: string;

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  await placeController(plane.cluster);
  const seen = states["progressing"]!;
  await place(plane.cluster, { ...seen, lease: undefined }, { namespace, controllerNamespace: namespace });
  const io = aTerminal({ env: { KUBECONFIG: plane.kubeconfig }, now: () => Date.now() });
  const session = await openSession({ namespace }, io, ending.signal);
  ended = dashboard({ allNamespaces: false, port: 0, allowActions: false, assets }, session);
  const printed = (): URL | ReturnType<typeof unmet> => URL.parse(io.out().trim()) ?? unmet(io.out() + io.err());
  const address = await waitFor(printed, 20_000, "the dashboard's address");
  const answer = await fetch(address);
  cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  home = address.origin + (/url=([^"]+)"/.exec(await answer.text())?.[1] ?? "");
});

afterAll(async () => {
  ending.abort();
  await ended;
  await plane.stop();
});

/** The news of one connection, one after the other. */
async function* newsOf<T>(path: string): AsyncGenerator<T> {
  const { body } = await fetch(home + path, { headers: { cookie } });
  let text = "";
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield JSON.parse(text.slice("data: ".length, end)) as T;
      text = text.slice(end + 2);
    }
  }
}

/** The first news that are as wanted. */
async function until<T>(news: AsyncGenerator<T>, isWanted: (one: T) => boolean): Promise<T> {
  for (let next = await news.next(); !next.done; next = await news.next()) if (isWanted(next.value)) return next.value;
  throw new Error("The connection ended before.");
}

const isPage = (news: PageNews): news is { page: PageView } => "page" in news;

async function change(status: Canary["status"]): Promise<void> {
  const canary = await plane.cluster.get<Canary>(resource.canaries, { name: "podinfo", namespace });
  await setStatus(plane.cluster, canary, status);
}

describe("the news", () => {
  it("of all Canaries begin with all, and go on with what changes", async () => {
    const news = newsOf<OverviewChange>("api/canaries");
    const first = await until(news, () => true);
    expect(first.all?.map(({ name, phase }) => [name, phase])).toEqual([["podinfo", "Progressing"]]);
    await change({ reason: "Another reason." });
    const next = await until(news, ({ changed }) => changed.some(({ reason }) => reason === "Another reason."));
    expect([next.all, next.changed.length, next.gone]).toEqual([undefined, 1, []]);
    await news.return(undefined);
  });

  it("of one Canary are the view of status, with what belongs to its page", async () => {
    const news = newsOf<PageNews>(`api/canaries/${namespace}/podinfo`);
    const first = await until(news, isPage);
    if (!isPage(first)) throw new Error("no page");
    const { canary, steps, actions, history } = first.page;
    const { out } = await plane.run(["status", "podinfo", "-n", namespace, "-o", "json"], { now: () => Date.now() });
    const printed = JSON.parse(out) as typeof canary;
    expect({ ...canary, controller: null, run: null }).toEqual({ ...printed, controller: null, run: null });
    expect([steps.length, actions.length, history[0]?.outcome]).toEqual([10, 3, "running"]);
    await change({ failedChecks: 3 });
    await until(news, (one) => isPage(one) && one.page.canary.failedChecks === 3);
    await news.return(undefined);
  });

  it("of a Canary that is not there say so, and go on when there is one", async () => {
    const news = newsOf<PageNews>("api/canaries/later/podinfo");
    expect(await until(news, () => true)).toEqual({ gone: true });
    const seen = { ...states["steady"]!, lease: undefined };
    await place(plane.cluster, seen, { namespace: "later", controllerNamespace: "later" });
    const page = await until(news, isPage);
    expect(page).toMatchObject({ page: { canary: { namespace: "later", phase: "Succeeded" } } });
    await news.return(undefined);
  });

  it("say that the API server is away, and go on when it is back", async () => {
    const [all, one] = [newsOf<OverviewChange>("api/canaries"), newsOf<PageNews>(`api/canaries/${namespace}/podinfo`)];
    await plane.killApi();
    await Promise.all([until(all, ({ away }) => away !== null), until(one, (news) => "away" in news)]);
    await plane.startApi();
    await waitUntilReady(plane.cluster);
    await change({ reason: "Still here." });
    await until(one, (news) => isPage(news) && news.page.canary.reason === "Still here.");
    let isTold = false;
    await until(all, ({ changed, away }) => {
      isTold ||= changed.some(({ reason }) => reason === "Still here.");
      return isTold && away === null;
    });
    expect(isTold).toBe(true);
    await Promise.all([all.return(undefined), one.return(undefined)]);
  });
});
