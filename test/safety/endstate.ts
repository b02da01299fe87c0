/** What is there when all has come to rest, without times, UIDs and what else differs from run to run. */
import type { CoreV1Event, V1ControllerRevision, V1Deployment, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { canaryName, label } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { hashTemplate } from "../../shared/template-hash.ts";
import { metaOf } from "../../webhook/controller/objects/from-objects.ts";
import type { Split, Stage } from "./plays.ts";

const name = "podinfo";

export async function endStateOf(stage: Stage): Promise<object> {
  const { cluster, namespace } = stage;
  const [deployments, services, splits, kept, canary, events] = await Promise.all([
    cluster.list<V1Deployment>(resource.deployments, { namespace }),
    cluster.list<V1Service>(resource.services, { namespace }),
    cluster.list<Split>(resource.trafficSplits, { namespace }),
    cluster.list<V1ControllerRevision>(resource.controllerRevisions, { namespace }),
    cluster.get<Canary>(resource.canaries, { namespace, name }),
    cluster.list<CoreV1Event>(resource.coreEvents, { namespace }),
  ]);
  const anonymous = (text: string): string => text.replaceAll(namespace, "NAMESPACE");
  return JSON.parse(
    anonymous(
      JSON.stringify({
        deployments: deployments.items.map(deploymentFacts),
        services: services.items.map(({ metadata, spec }) => [metadata?.name, spec?.selector]),
        routes: splits.items.map(({ metadata, spec }) => [metadata.annotations, spec]),
        kept: kept.items.map(({ metadata }) => metadata?.name),
        status: statusFacts(canary),
        events: events.items
          .filter(isOfCanary)
          .map(({ type, message }) => `${type}: ${message}`)
          .sort(),
      }),
    ),
  ) as object;
}

/** Its last run was promoted, and the pods of that canary still stay. */
export async function isDraining({ cluster, namespace }: Stage): Promise<boolean> {
  const { status } = await cluster.get<Canary>(resource.canaries, { namespace, name });
  const [last] = status?.history ?? [];
  if (last?.outcome !== "promoted") return false;
  const canary = await cluster.get<V1Deployment>(resource.deployments, { namespace, name: canaryName(name) });
  return canary.spec?.replicas !== 0 && canary.metadata?.labels?.[label.over] !== last.run;
}

// --- internal ---

const isOfCanary = ({ involvedObject }: CoreV1Event): boolean => involvedObject.kind === "Canary";

function deploymentFacts({ metadata, spec, status }: V1Deployment): object {
  const { labels, annotations, uid, name: own } = metaOf({ ...(metadata ? { metadata } : {}) });
  const progressing = status?.conditions?.find(({ type }) => type === "Progressing")?.message ?? "";
  return {
    name: own,
    template: hashTemplate(spec?.template),
    replicas: spec?.replicas,
    paused: spec?.paused === true,
    isTarget: labels[label.target] === uid,
    marks: [label.held, label.promoting, label.stable, label.intent, label.bypass].map((key) => labels[key]),
    annotations: Object.keys(annotations).filter((key) => key.includes("canary")),
    rejected: progressing.startsWith("canary rejected") ? progressing : "",
  };
}

function statusFacts({ status }: Canary): object {
  const { phase, canaryWeight, failedChecks, stable, run, rejected, history, lastCommand, unvetted, runs } = {
    ...status,
  };
  return {
    phase,
    canaryWeight,
    failedChecks,
    stable,
    runs,
    unvetted,
    run: run && { id: run.id, intent: run.intent, stage: run.stage, step: run.step, ending: run.ending },
    rejected: rejected?.map(({ hash, cause }) => ({ hash, cause })),
    history: history?.map(({ run: id, outcome, cause, intent }) => ({ id, outcome, cause, intent })),
    command: lastCommand && { verb: lastCommand.verb, accepted: lastCommand.accepted },
  };
}
