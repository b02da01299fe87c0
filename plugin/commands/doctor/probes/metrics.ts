/** Why there is no verdict: Prometheus that cannot be asked, templates that are missing, numbers that are none. Pure. */
import type { CheckStatus } from "../../../../shared/core/objects/canary-status.ts";
import { type Facts, type Fault, type Finding, kubectl, kubectlCanary, nameOf, type Probe } from "../facts.ts";
import { helm } from "../helm.ts";

/** What the controller was told when it asked; its own words are kept, for they name the address. */
export const prometheus: Probe = (facts) => {
  const said = refusal(facts);
  if (said === undefined) return [];
  const { fault, what, cure } = kindOf(said, facts);
  return [{ fault, level: "broken", what, evidence: said, cure }];
};

export const notANumber: Probe = (facts) =>
  checksOf(facts)
    .filter(({ outcome, message }) => outcome === "no-evidence" && /returned (NaN|[+-]Inf)/.test(message))
    .filter(({ metric }) => isStillAsked(metric, facts))
    .map((check) => ({
      fault: "metric-not-a-number",
      level: "broken",
      what: `The metric ${check.metric} is no number, so that it judges nothing.`,
      evidence: `${reasonIn(check.message)}; asked: ${check.query}`,
      cure: kubectl(facts, `edit canary ${nameOf(facts.canary)}`),
    }));

// --- internal ---

const checksOf = ({ canary }: Facts): CheckStatus[] => canary?.status?.checks ?? [];

/** A check stays in the status until the next run. A metric that has left the spec since then is no fault. */
function isStillAsked(metric: string, { canary }: Facts): boolean {
  return (canary?.spec.analysis.metrics ?? []).some(({ name }) => name === metric);
}

/** Of a check's message, what comes after Flagger's words. */
const reasonIn = (message: string): string => message.replace(/^Halt \S+ advancement .*?: /, "");

/** A freeze has its words in the reason, a check that could not be asked in its message. */
function refusal(facts: Facts): string | undefined {
  const check = checksOf(facts).find(({ outcome }) => outcome === "cannot-ask");
  if (check) return reasonIn(check.message);
  const status = facts.canary?.status;
  return status?.run?.hold === "cannot-ask" ? status.reason : undefined;
}

function kindOf(said: string, facts: Facts): { fault: Fault } & Pick<Finding, "what" | "cure"> {
  const server = facts.canary?.spec.metricsServer;
  if (/answered 40[13]\b/.test(said))
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
  if (/cannot be reached|did not answer within|is no http or https address|broke off/.test(said))
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
