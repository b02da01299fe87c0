/** Alerts that cannot arrive, as far as objects say: told at once, and not first when one is due. No run waits for it. */
import type { AlertProvider } from "../objects/alerts/alert-provider.ts";
import { type AlertSpec, referredNamespace } from "../objects/canary.ts";
import { reachOf } from "../spec/receiver-address.ts";
import { type Finding, kubectlIn, nameOf, type Rule, type Rules, type SeenObjects } from "./finding.ts";

type Found = Omit<Finding, "code">[];

const providerMissing: Rule = (seen) =>
  eachAlert(seen, ({ name }, { namespace, name: provider }, found) => {
    if (found !== null || strangerWords(seen, namespace)) return [];
    const what = `AlertProvider ${provider} does not exist in ${namespace}: what alert ${name} is for reaches nobody.`;
    return [{ level: "warning", what, ...editCanary(seen, `spec.analysis.alerts names it in alert ${name}`) }];
  });

const providerUnusable: Rule = (seen) =>
  eachAlert(seen, ({ name }, { namespace, name: provider }, found) => {
    const why = strangerWords(seen, namespace) ?? (found && whyUnusable(seen, found));
    if (!why) return [];
    const what = `Alert ${name} cannot go to AlertProvider ${provider} in ${namespace}: ${why}.`;
    const cure = { run: kubectlIn(namespace, `edit alertprovider ${provider}`) };
    return [{ level: "warning", what, evidence: `its spec, and the chart's values under alerts`, cure }];
  });

export const alertRules = {
  "alert-provider-missing": providerMissing,
  "alert-provider-unusable": providerUnusable,
} satisfies Rules;

// --- internal ---

interface ProviderAt {
  namespace: string;
  name: string;
}

/** `found`: null where the cluster has none, undefined where it was not asked. */
function eachAlert(
  { canary, namespace, alertProviders }: SeenObjects,
  rule: (alert: AlertSpec, at: ProviderAt, found: AlertProvider | null) => Found,
): Found {
  if (!alertProviders) return [];
  return (canary?.spec.analysis.alerts ?? []).flatMap((alert) => {
    const { providerRef } = alert;
    const at = { namespace: referredNamespace(providerRef, namespace), name: providerRef.name };
    return rule(alert, at, alertProviders.get(`${at.namespace}/${at.name}`) ?? null);
  });
}

/** Whether it is there is no business of this namespace's. */
function strangerWords({ namespace, alerts }: SeenObjects, at: string): string | undefined {
  if (!alerts || at === namespace || alerts.providerNamespaces.includes(at)) return undefined;
  return `it is another namespace's, and the chart's alerts.providerNamespaces does not have ${at}`;
}

/** The Secret's own address is found out when it is read. */
function whyUnusable({ alerts }: SeenObjects, { spec: { address, proxy } }: AlertProvider): string | undefined {
  if (proxy && !/^https?:\/\//i.test(proxy)) return "its proxy is no http or https address";
  const found = address && alerts ? reachOf(address, alerts.allowedAddresses) : undefined;
  return found && "refusal" in found ? found.refusal : undefined;
}

function editCanary({ canary, namespace }: SeenObjects, evidence: string): Pick<Finding, "evidence" | "cure"> {
  return { evidence, cure: { run: kubectlIn(namespace, `edit canary ${nameOf(canary)}`) } };
}
