/** What the template refers to, where the Canary tracks it. */
import { shellQuoted } from "../format/shell.ts";
import { configWords } from "../config/tracking.ts";
import { someOf } from "../format/some-of.ts";
import { annotation } from "../objects/names.ts";
import { kubectlIn, nameOf, type Rule, type Rules } from "./finding.ts";

const configMissing: Rule = ({ missingConfigs = [], namespace, targetName }) => {
  const [first] = missingConfigs;
  if (first === undefined) return [];
  const names = someOf(missingConfigs.map(configWords));
  return [
    {
      level: "missing",
      what: `${names}, to which the template of Deployment ${targetName} refers, cannot be found: its pods could not start. No run starts.`,
      evidence: `the template refers to ${names}, and not as optional`,
      cure: {
        say: "create what is missing, or correct the template",
        run: kubectlIn(namespace, `get ${shellQuoted(first)}`),
      },
    },
  ];
};

const configUntracked: Rule = ({ canary, configNamespaces, namespace }) => {
  const isAsked = canary?.metadata.annotations?.[annotation.configTracking] === "enabled";
  if (!isAsked || !configNamespaces || configNamespaces.includes(namespace)) return [];
  return [
    {
      level: "warning",
      what: `Canary ${nameOf(canary)} asks to track configuration, and the controller may not read ConfigMaps and Secrets in ${namespace}: their changes start no run.`,
      evidence: `configTracking.namespaces of the chart: ${configNamespaces.join(", ") || "none"}`,
      cure: {
        say: `add ${namespace} to the chart's configTracking.namespaces, or take the annotation off`,
        run: kubectlIn(namespace, `annotate canaries.flagger.app ${nameOf(canary)} ${annotation.configTracking}-`),
      },
    },
  ];
};

export const configRules = {
  "config-missing": configMissing,
  "config-untracked": configUntracked,
} satisfies Rules;
