/** What the controller too would say: the core's preconditions on what the doctor has read. Pure. */
import type { Finding as Unmet, SeenObjects } from "../../../../shared/core/preconditions/finding.ts";
import {
  cureText,
  type PreconditionCode,
  unmetPreconditions,
} from "../../../../shared/core/preconditions/preconditions.ts";
import { isAbove, isServiceTooLarge, mostKept } from "../../../../shared/core/objects/kept/kept-size.ts";
import { label, primaryName } from "../../../../shared/core/objects/names.ts";
import { podLabelsOf } from "../../../../shared/core/objects/pod-template.ts";
import { createPatternReader, createQueryReader } from "../../../../shared/promql.ts";
import { watchedBy } from "../../../view/controller-health.ts";
import { type Facts, nameOf, type Probe } from "../facts.ts";

export const preconditions: Probe = (facts) => {
  const seen = objectsIn(facts);
  // Each Canary of the target stands in its own way or in no one's: a younger one is found by its own look.
  const rivals = (facts.rivals ?? []).flatMap((rival) =>
    unmetPreconditions({ ...seen, canary: rival }).filter(({ code }) => code === "rival-canary"),
  );
  return [...unmetPreconditions(seen), ...rivals].map((unmet) => ({
    fault: unmet.code,
    level: levels[unmet.level],
    what: unmet.what,
    evidence: unmet.evidence,
    cure: cureText(unmet.cure, facts.scope.clusterFlags),
  }));
};

// --- internal ---

const levels: Record<Unmet<PreconditionCode>["level"], "broken" | "warning"> = {
  obstacle: "broken",
  unfit: "broken",
  missing: "broken",
  warning: "warning",
};

function objectsIn(facts: Facts): SeenObjects {
  const { canary, rivals, deployments, scope, ...rest } = facts;
  const { targetName, apexName, target, workload, services, route, flaggers, templates, servedRoutes } = rest;
  const primary = deployments && (deployments.find((one) => nameOf(one) === primaryName(targetName)) ?? null);
  return {
    ...{ canary, targetName, apexName, target, workload, primary, services, route, flaggers, templates, servedRoutes },
    namespace: scope.namespace,
    tooLarge: tooLargeIn(facts),
    readQuery: createQueryReader(),
    isPattern: createPatternReader(),
    metricServers: metricServers(facts),
    stableLabels: stableLabelsOf(facts),
    policies: facts.policies,
    selecting: facts.selecting,
    deployments: facts.deployments,
    autoscalers: facts.autoscalers,
    watchNamespaces: facts.webhook?.watchNamespaces ?? watchedBy(facts.lease),
    excludedNamespaces: facts.webhook?.excludedNamespaces,
    allowGateways: allowsGateways(facts),
    configNamespaces: listSetting(facts, "CONFIG_NAMESPACES"),
    hookAddresses: listSetting(facts, "HOOK_ADDRESSES"),
    alertProviders: facts.alertProviders,
    alerts: alertBounds(facts),
    canaries: rivals && [...(canary ? [canary] : []), ...rivals],
  };
}

function tooLargeIn({ target, targetName, services = [], apexName, route }: Facts): string[] {
  const apex = services.find((service) => nameOf(service) === apexName);
  return [
    ...(target && isAbove(mostKept, target) ? [`Deployment ${targetName}`] : []),
    ...(apex && isServiceTooLarge(apex) ? [`Service ${apexName}`] : []),
    ...(route && isAbove(mostKept, route) ? [`${route.kind} ${apexName}`] : []),
  ];
}

function stableLabelsOf({ canary, target, replicaSets }: Facts): SeenObjects["stableLabels"] {
  const hash = canary?.status?.stable?.podTemplateHash;
  const found = replicaSets?.find(
    ({ metadata }) =>
      metadata?.labels?.[label.podTemplateHash] === hash &&
      metadata?.ownerReferences?.some(({ uid }) => uid === target?.metadata?.uid),
  );
  return found && podLabelsOf(found.spec?.template);
}

function allowsGateways(facts: Facts): boolean | undefined {
  const setting = settingOf(facts, "ALLOW_GATEWAYS");
  return setting === undefined ? undefined : setting === "true";
}

function metricServers(facts: Facts): SeenObjects["metricServers"] {
  const [own, allowed] = [settingOf(facts, "METRICS_SERVER"), listSetting(facts, "ALLOWED_ADDRESSES")];
  return own !== undefined && allowed ? { own, allowed } : undefined;
}

function alertBounds(facts: Facts): SeenObjects["alerts"] {
  const providerNamespaces = listSetting(facts, "ALERT_NAMESPACES");
  const allowedAddresses = listSetting(facts, "ALERT_ADDRESSES");
  return providerNamespaces && allowedAddresses && { providerNamespaces, allowedAddresses };
}

/** The chart writes a list that is empty as `none`. */
function listSetting(facts: Facts, name: string): string[] | undefined {
  const setting = settingOf(facts, name);
  return setting === "none" ? [] : setting?.split(",");
}

/** As the controller is set; undefined where it cannot be seen, or does not know the setting. */
function settingOf({ controller }: Facts, name: string): string | undefined {
  const [container] = controller?.spec?.template.spec?.containers ?? [];
  return container?.env?.find((one) => one.name === `KUBECTL_CANARY_${name}`)?.value;
}
