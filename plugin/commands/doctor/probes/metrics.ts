/** Why there is no verdict: Prometheus that cannot be asked, templates that are missing, numbers that are none. Pure. */
import { deciding } from "../../../../shared/core/analysis/deciding.ts";
import type { CheckStatus } from "../../../../shared/core/objects/canary-status.ts";
import type { CheckCode } from "../../../../shared/core/objects/check-codes.ts";
import { type Facts, type Fault, type Finding, kubectl, kubectlCanary, nameOf, type Probe } from "../facts.ts";
import { helm } from "../helm.ts";

/** What the controller was told when it asked; its own words are kept, for they name the address. */
export const prometheus: Probe = (facts) => {
  const found = refusal(facts);
  if (found === undefined) return [];
  const { code, said } = found;
  const { fault, what, cure } = kindOf(code, facts);
  return [{ fault, level: "broken", what, evidence: said, cure }];
};

export const notANumber: Probe = (facts) =>
  checksOf(facts)
    .filter(({ code }) => code === "not-a-number")
    .filter(({ metric }) => isStillAsked(metric, facts))
    .map((check) => ({
      fault: "metric-not-a-number",
      level: "broken",
      what: `The metric ${check.metric} is no number, so that it judges nothing.`,
      evidence: `${check.why ?? check.message}; asked: ${check.query}`,
      cure: kubectl(facts, `edit canary ${nameOf(facts.canary)}`),
    }));

/** What its pods answer is not known, which is another thing than nobody calling it. */
export const unscraped: Probe = (facts) => {
  const check = checksOf(facts).find(({ code }) => code === "unscraped");
  if (!facts.canary?.status?.run || !check) return [];
  return [
    {
      fault: "canary-not-scraped",
      level: "broken",
      what: "Prometheus cannot scrape the canary's pods: nobody can say what users get from it.",
      evidence: check.why ?? check.message,
      cure: 'let Prometheus reach port 4191 (linkerd-admin) of these pods: see up{job="linkerd-proxy"} there, NetworkPolicies, and whether Linkerd\'s control plane answers',
    },
  ];
};

// --- internal ---

/** A dry run keeps nobody from anything. */
const checksOf = ({ canary }: Facts): CheckStatus[] => deciding(canary?.status?.checks ?? []);

/** A check stays in the status until the next run. A metric that has left the spec since then is no fault. */
function isStillAsked(metric: string, { canary }: Facts): boolean {
  return (canary?.spec.analysis.metrics ?? []).some(({ name }) => name === metric);
}

interface Refusal {
  /** Unknown in a status that an earlier version wrote. */
  code?: CheckCode | undefined;
  said: string;
}

/** Of one check alone, or of everything that a run waits for. */
function refusal(facts: Facts): Refusal | undefined {
  const check = checksOf(facts).find(({ outcome }) => outcome === "cannot-ask");
  if (check) return { code: check.code, said: check.why ?? check.message };
  const { run, reason } = { ...facts.canary?.status };
  return run?.hold === "cannot-ask" ? { code: run.holdCode, said: reason ?? "" } : undefined;
}

const unreachable: readonly (CheckCode | undefined)[] = [
  "unreachable",
  "timeout",
  "broken-off",
  "bad-address",
  "refused-address",
];

function kindOf(code: CheckCode | undefined, facts: Facts): { fault: Fault } & Pick<Finding, "what" | "cure"> {
  const server = facts.canary?.spec.metricsServer;
  if (code === "unauthorized")
    return {
      fault: "prometheus-forbidden",
      what: "Prometheus refuses to answer the controller: the weight stays.",
      cure: server
        ? `let it accept the controller, or correct spec.metricsServer (${server})`
        : helm(
            facts.scope,
            "upgrade kubectl-canary charts/kubectl-canary --reuse-values --set linkerd.viz.authorize=true",
          ),
    };
  if (unreachable.includes(code))
    return {
      fault: "prometheus-unreachable",
      what: "The controller cannot reach Prometheus: the weight stays.",
      cure: server
        ? kubectl(facts, `edit canary ${nameOf(facts.canary)}`)
        : kubectl(facts, "get pods,svc", "linkerd-viz"),
    };
  return {
    fault: "prometheus-refuses",
    what: "Prometheus cannot answer what a metric asks: the weight stays.",
    cure: kubectlCanary(facts, `stats ${nameOf(facts.canary)} --show-query`),
  };
}
