/** `kubectl canary init deploy/NAME`: a Canary for a Deployment, out of what the cluster says about it. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { alsoSelects } from "../../shared/core/objects/workload.ts";
import { kind, manager } from "../../shared/core/objects/names.ts";
import { httpRoute, trafficSplit } from "../../shared/core/routes/routes.ts";
import { resource } from "../../shared/kube/resources.ts";
import { canaryCommand } from "../view/suggestions.ts";
import { type Deps, exitCode, type Scope } from "../context.ts";
import { diagnose } from "./doctor/diagnose.ts";
import { type Fault, type Facts, type Finding, nameOf } from "./doctor/facts.ts";
import { factsOf, survey } from "./doctor/survey.ts";
import { Refusal } from "../errors.ts";
import { parseArgument, requireNamespace } from "../cluster/find-canary.ts";
import { nearest } from "../did-you-mean.ts";
import { toYaml } from "../render/yaml.ts";

export interface InitArgs {
  /** `deploy/NAME`, or its bare name. */
  target: string;
  dryRun: boolean;
}

export async function init(args: InitArgs, deps: Deps, scope: Scope): Promise<number> {
  const { name } = parseArgument(args.target);
  await requireNamespace(deps.cluster, scope.namespace);
  const seen = await survey(deps, scope);
  const facts = factsOf(seen, name);
  const target = requireTarget(facts, (seen.deployments ?? []).map(nameOf));
  const canary = canaryFor(target, { ...facts, apexName: apexFor(target, facts)?.metadata?.name ?? name });
  if (args.dryRun) deps.stdout.write(toYaml(canary));
  else {
    await deps.cluster.create(resource.canaries, canary, { fieldManager: manager });
    deps.stdout.write(`canary.flagger.app/${name} created\n`);
    deps.stderr.write(`See it take ${name} under control: ${canaryCommand("status", name, scope)}\n`);
  }
  for (const finding of warningsOf(facts)) deps.stderr.write(`warning: ${finding.what}\n  ${finding.cure}\n`);
  return exitCode.ok;
}

/** The Canary; throws a refusal where a port is not to be read from the cluster. */
export function canaryFor(target: V1Deployment, facts: Facts): Canary {
  const name = nameOf(target);
  const apex = facts.services?.find((service) => nameOf(service) === facts.apexName);
  const provider = providerFor(facts.servedRoutes ?? []);
  const deadline = target.spec?.progressDeadlineSeconds;
  return {
    apiVersion: `${kind.canary.group}/${kind.canary.version}`,
    kind: kind.canary.kind,
    metadata: { name, namespace: facts.scope.namespace },
    spec: {
      ...(provider ? { provider } : {}),
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      ...(deadline && deadline !== 600 ? { progressDeadlineSeconds: deadline } : {}),
      service: { ...(apex && nameOf(apex) !== name ? { name: nameOf(apex) } : {}), port: portFor(target, apex) },
      analysis: {
        interval: "30s",
        threshold: 5,
        stepWeight: 10,
        maxWeight: 50,
        metrics: [
          { name: "request-success-rate", interval: "1m", thresholdRange: { min: 99 } },
          { name: "request-duration", interval: "1m", thresholdRange: { max: 500 } },
        ],
      },
    },
  };
}

// --- internal ---

/** With these a Canary would come to nothing; what else the doctor finds is told, and does not stand in the way. */
const forbidding: readonly Fault[] = [
  "crd-missing",
  "crd-foreign",
  "other-controller",
  "target-unfit",
  "flagger-primary",
  "service-leak",
  "route-kind-missing",
];

const aside: readonly Fault[] = ["canary-missing", "permission-missing", "target-missing"];

const warningsOf = (facts: Facts): Finding[] =>
  diagnose(facts).filter(({ fault }) => !forbidding.includes(fault) && !aside.includes(fault));

function requireTarget(facts: Facts, names: readonly string[]): V1Deployment {
  const { canary, target, targetName, scope } = facts;
  if (canary) {
    const see = canaryCommand("status", nameOf(canary), scope);
    throw new Refusal(`Deployment ${targetName} has a Canary already: ${nameOf(canary)}. See ${see}`);
  }
  if (target === null) {
    const near = nearest(targetName, names);
    const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
    const said = `Deployment "${targetName}" does not exist in namespace "${scope.namespace}".${hint}`;
    throw new Refusal(said, exitCode.notFound);
  }
  const obstacle = diagnose(facts).find(({ fault }) => forbidding.includes(fault));
  if (obstacle) throw new Refusal(`No Canary was made: ${obstacle.what}\n  ${obstacle.cure}`);
  if (target) return target;
  throw new Refusal(`Deployment ${targetName} cannot be read: this needs permission to list deployments.apps.`);
}

/** Where users send to: the Service of the same name, else the only one that selects the pods. */
function apexFor(target: V1Deployment, { services = [], scope }: Facts): V1Service | undefined {
  const labels = target.spec?.template.metadata?.labels ?? {};
  const selecting = services.filter(
    (service) => alsoSelects(service, labels) && service.metadata?.labels?.["app.kubernetes.io/managed-by"] !== manager,
  );
  const same = selecting.find((service) => nameOf(service) === nameOf(target));
  if (same ?? selecting.length < 2) return same ?? selecting[0];
  throw new Refusal(
    `${selecting.length} Services select the pods of ${nameOf(target)} and none has its name: ${selecting.map(nameOf).join(", ")}. ` +
      `Print the Canary of a Deployment with one Service, set spec.service.name to the one that users send to, and apply it in namespace ${scope.namespace}.`,
  );
}

/** HTTP first, where there are several. */
function portFor(target: V1Deployment, apex: V1Service | undefined): number {
  const containers = target.spec?.template.spec?.containers ?? [];
  const declared = containers.flatMap(({ ports = [] }) => ports);
  const served = (apex?.spec?.ports ?? []).map(({ name, port }) => ({ name, port }));
  const ports = apex ? served : declared.map(({ name, containerPort }) => ({ name, port: containerPort }));
  const [first] = [...ports].sort((a, b) => Number(isHttp(b.name)) - Number(isHttp(a.name)));
  if (first) return first.port;
  throw new Refusal(
    `No Service selects the pods of ${nameOf(target)}, and its containers declare no port: create a Service first, ` +
      `kubectl expose deploy ${nameOf(target)} --port PORT -n ${target.metadata?.namespace}`,
  );
}

const isHttp = (name: string | undefined): boolean => /^(http|grpc|web)/.test(name ?? "");

/** Named where there is no choice; else the chart's own setting decides. */
function providerFor(served: readonly string[]): string | undefined {
  if (served.length !== 1) return undefined;
  return { [trafficSplit.kind]: "linkerd", [httpRoute.kind]: "gatewayapi:v1" }[served[0] ?? ""];
}
