/** What the Canary itself asks for, and another one beside it. */
import { type Canary, isLeftToFlagger, oldestFirst } from "../objects/canary.ts";
import { ignoredFields, ignoredText } from "../spec/field-table.ts";
import { unsupportedIn } from "../spec/policy.ts";
import { kubectlIn, nameOf, type Rule, type Rules } from "./finding.ts";

/** Of several Canaries on one target the oldest is obeyed. */
const rivalCanary: Rule = ({ canary, canaries = [], namespace, targetName }) => {
  if (!canary) return [];
  const obeyed = canaries.filter((one) => !isLeftToFlagger(one));
  const [oldest] = [canary, ...obeyed].sort(oldestFirst);
  if (!oldest || nameOf(oldest) === nameOf(canary)) return [];
  return [
    {
      level: "obstacle",
      what: `Canary ${nameOf(oldest)} is older and has Deployment ${targetName} as its target already: delete one of the two.`,
      evidence: `Canaries ${nameOf(oldest)} and ${nameOf(canary)} both name it in spec.targetRef`,
      cure: { run: kubectlIn(namespace, `delete canary ${nameOf(canary)}`) },
    },
  ];
};

const unsupportedField: Rule = ({ canary, namespace }) => {
  const unsupported = canary ? unsupportedIn(canary.spec) : [];
  if (unsupported.length === 0) return [];
  const asked = unsupported.map(({ path, what }) => `${path} ${what}`);
  return [
    {
      level: "obstacle",
      what: `Not supported yet, and not skipped in silence: ${asked.join("; ")}. Nothing is touched until the Canary does without.`,
      evidence: `the spec of Canary ${nameOf(canary)}`,
      cure: { run: edit(namespace, canary) },
      fields: unsupported.map(({ path }) => path),
    },
  ];
};

/** Where no change is held, the first one after the opt-in would go live unjudged. */
const namespaceExcluded: Rule = ({ canary, namespace, targetName, excludedNamespaces = [] }) => {
  if (!canary || !excludedNamespaces.includes(namespace)) return [];
  return [
    {
      level: "obstacle",
      what: `Changes of Deployment ${targetName} would go out unjudged: the webhook holds none in namespace ${namespace}, which the chart excludes. Nothing is touched.`,
      evidence: `excluded are ${excludedNamespaces.join(", ")}: webhook.excludedNamespaces, kube-system and the controller's own namespace`,
      cure: {
        say: "take the namespace off the chart's webhook.excludedNamespaces (kube-system and the controller's own are always excluded), or",
        run: kubectlIn(namespace, `delete canary ${nameOf(canary)}`),
      },
    },
  ];
};

/** Its own controller cannot say so in its status, for it may not even read it. */
const namespaceNotWatched: Rule = ({ canary, namespace, targetName, watchNamespaces = [] }) => {
  if (!canary || watchNamespaces.length === 0 || watchNamespaces.includes(namespace)) return [];
  return [
    {
      level: "obstacle",
      what: `Changes of Deployment ${targetName} go out unjudged: this installation of kubectl-canary looks after namespaces ${someOf(watchNamespaces)} only, and not after ${namespace}.`,
      evidence: `watchNamespaces is ${someOf(watchNamespaces)}`,
      cure: {
        say: "add the namespace to the chart's watchNamespaces (helm upgrade), or",
        run: kubectlIn(namespace, `delete canary ${nameOf(canary)}`),
      },
    },
  ];
};

/** At most five of many, and how many more. */
function someOf(names: readonly string[]): string {
  const rest = names.length - 5;
  return names.slice(0, 5).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Labels of ours hold the Canary's name, and a label's value has 63 characters at most. */
const longestName = 63;

const nameTooLong: Rule = ({ canary, namespace }) => {
  const name = nameOf(canary);
  if (name.length <= longestName) return [];
  return [
    {
      level: "obstacle",
      what: `The Canary's name has ${name.length} characters, and what is made for it carries it in a label, which holds ${longestName}: create it under a shorter name. Nothing is touched.`,
      evidence: `metadata.name ${name}`,
      cure: { say: "create it under a shorter name, then", run: kubectlIn(namespace, `delete canary ${name}`) },
      fields: ["metadata.name"],
    },
  ];
};

const edit = (namespace: string, canary: Canary | null | undefined): string =>
  kubectlIn(namespace, `edit canary ${nameOf(canary)}`);

/** Accepted, for Flagger's manifests have it, and not carried out. */
const ignoredField: Rule = ({ canary, namespace }) =>
  (canary ? ignoredFields(canary.spec) : []).map((field) => ({
    level: "warning",
    what: `${ignoredText(field)}.`,
    evidence: `the spec of Canary ${nameOf(canary)}`,
    cure: { run: edit(namespace, canary) },
  }));

export const canaryRules = {
  "namespace-not-watched": namespaceNotWatched,
  "namespace-excluded": namespaceExcluded,
  "name-too-long": nameTooLong,
  "rival-canary": rivalCanary,
  "unsupported-field": unsupportedField,
  "ignored-field": ignoredField,
} satisfies Rules;
