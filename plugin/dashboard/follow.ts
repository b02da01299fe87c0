/** One Canary with all that belongs to it, read anew with each change, for as long as a page shows it. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { canaryName } from "../../shared/core/objects/names.ts";
import type { Place } from "../../shared/kube/cluster.ts";
import { CanaryError, hasCode } from "../../shared/kube/errors.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import { Trigger } from "../cluster/change-watcher.ts";
import { type EventView, readEvents } from "../commands/events.ts";
import type { Deps, Scope } from "../context.ts";
import { Refusal } from "../errors.ts";
import { look } from "../read/look.ts";
import { routeResource } from "../view/route.ts";
import { viewPage } from "./page-view.ts";
import { keyOfView, type Recorder } from "./recorder.ts";
import type { PageNews } from "./types.ts";

interface Following {
  deps: Deps;
  scope: Scope;
  recorder: Recorder;
  send: (news: PageNews) => void;
}

/** Until `deps.signal` aborts. */
export async function followCanary(at: Required<Place>, following: Following): Promise<void> {
  const { deps } = following;
  const trigger = new Trigger(deps);
  const follow = followed(trigger, at);
  let last = "";
  try {
    while (!deps.signal.aborted) {
      const lookedAt = deps.timers.now();
      const news = await newsOf(at, following, follow);
      const text = JSON.stringify(news);
      if (deps.signal.aborted) return;
      if (text !== last) following.send(news);
      last = text;
      const isChange = (await trigger.next("page" in news ? rereadMs : retryMs)) === "changed";
      if (isChange) await trigger.restUntil(lookedAt + gatherMs);
    }
  } finally {
    await trigger.stop();
  }
}

// --- internal ---

const rereadMs = 5_000;
const retryMs = 1_000;
/** From look to look: pods that come up one by one change a Deployment many times a second, and each look is a dozen requests. */
const gatherMs = 400;

/** Watches what belongs to a Canary, each object once. */
function followed(trigger: Trigger, { namespace }: Required<Place>): (canary: Canary) => void {
  const seen = new Set<string>();
  const add = (of: Resource, name: string): void => {
    const key = `${of.kind}/${name}`;
    if (seen.has(key)) return;
    seen.add(key);
    trigger.follow(of, { namespace, fieldSelector: `metadata.name=${name}` });
  };
  return ({ metadata, spec, status }) => {
    add(resource.canaries, metadata.name ?? "");
    add(resource.deployments, spec.targetRef.name);
    add(resource.deployments, canaryName(spec.targetRef.name));
    if (status?.route) add(routeResource(status.route), status.route.name);
  };
}

async function newsOf(
  at: Required<Place>,
  { deps, scope, recorder }: Following,
  follow: (canary: Canary) => void,
): Promise<PageNews> {
  const own = { ...scope, namespace: at.namespace };
  try {
    const canary = await deps.cluster.get<Canary>(resource.canaries, at);
    follow(canary);
    const [{ view, now }, events] = await Promise.all([
      look(canary, deps, own, { tree: true }),
      eventsOf(canary, deps),
    ]);
    recorder.note(view, now);
    return { page: viewPage({ canary, view, series: recorder.seriesOf(keyOfView(view)), events }, own) };
  } catch (error) {
    if (hasCode(error, "NotFound")) return { gone: true };
    if (error instanceof CanaryError) return { away: error.message };
    throw error;
  }
}

async function eventsOf(canary: Canary, deps: Deps): Promise<EventView[] | string> {
  try {
    return await readEvents(canary, deps);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}
