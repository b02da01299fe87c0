/**
 * Linkerd's inbound policy: a Server that selects stable's pods by the label that tells tracks apart leaves the canary's to the default
 * policy. Where that lets nobody in, each user whom the canary gets is refused; where it lets everybody in, the canary is open.
 */
import type { V1Service } from "@kubernetes/client-node";
import { serverNameOf, type Guard } from "../objects/inbound-policy.ts";
import { selectorText, widenedSelector } from "../selectors/selector.ts";
import { missedSelector, trackGuards, type TrackGuards } from "../objects/track-guards.ts";
import { acceptCure, isAccepted } from "./accepted.ts";
import { kubectlIn, nameOf, patchIn, type Cure, type Rule, type Rules, type SeenObjects } from "./finding.ts";

const policyShutsCanary: Rule = (seen) => {
  const guards = guardsIn(seen);
  if (!guards?.canary.isShut || guards.stable.isShut) return [];
  const { stable, canary } = guards;
  const { server } = canary;
  const named = server ?? stable.server;
  if (named && isAccepted(seen.canary, "server", serverNameOf(named))) return [];
  const shut = server
    ? `Server ${serverNameOf(server)} would refuse every user of the canary (403): it selects the canary's pods, and nothing lets anyone in there`
    : `The default policy (${canary.defaultPolicy}) would refuse every user of the canary (403)`;
  return [
    {
      level: "missing",
      what: `${shut}${atStable(stable)}${missedWords("but", guards)}. No run starts.`,
      evidence: evidenceOf(guards),
      cure: server
        ? {
            say: `let an AuthorizationPolicy for Server ${serverNameOf(server)} let the callers in, or let it select other pods`,
            run: kubectlIn(seen.namespace, `edit ${servers} ${serverNameOf(server)}`),
          }
        : selectBoth(seen, guards),
    },
  ];
};

const policyOpensCanary: Rule = (seen) => {
  const guards = guardsIn(seen);
  if (!guards?.stable.server || guards.canary.server || guards.canary.isShut) return [];
  const { defaultPolicy } = guards.canary;
  const name = serverNameOf(guards.stable.server);
  const isGuarded = guards.stable.server.spec.accessPolicy !== (defaultPolicy ?? "deny");
  if (!isGuarded || isAccepted(seen.canary, "server", name)) return [];
  const whom =
    defaultPolicy === undefined
      ? "the cluster's default policy decides who reaches them: everybody, or nobody"
      : `whomever the default policy (${defaultPolicy}) lets in reaches them`;
  const both = selectBoth(seen, guards);
  return [
    {
      level: "missing",
      what: `Server ${name} guards stable's pods and not the canary's${missedWords("for", guards)}: ${whom}. No run starts.`,
      evidence: evidenceOf(guards),
      cure: { ...both, say: `${both.say} ${acceptCure(seen, "server", name)}` },
    },
  ];
};

// --- internal ---

const servers = "servers.policy.linkerd.io";

function guardsIn({
  canary,
  target,
  stableLabels,
  services,
  apexName,
  policies,
}: SeenObjects): TrackGuards | undefined {
  const apex: V1Service | undefined = services?.find((service) => nameOf(service) === apexName);
  if (!canary || !target || !apex || !policies) return undefined;
  return trackGuards({ target, stableLabels, apex, port: canary.spec.service?.port }, policies);
}

function atStable({ server, letsIn: [first] }: Guard): string {
  if (!server) return "; stable's pods are under no Server";
  const by = first === undefined ? "" : ` by ${first}`;
  return `; at stable's pods Server ${serverNameOf(server)} lets users in${by}`;
}

function missedWords(link: string, guards: TrackGuards): string {
  const missed = missedSelector(guards);
  return missed === undefined
    ? ""
    : `, ${link} it selects by ${selectorText(missed)}, which the canary's pods do not carry`;
}

function evidenceOf({ stable, canary, labels }: TrackGuards): string {
  const of = ({ server, defaultPolicy }: Guard): string =>
    server
      ? `Server ${serverNameOf(server)} (${selectorText(server.spec.podSelector ?? {})})`
      : `no Server, default policy ${defaultPolicy ?? "not known"}`;
  const carried = selectorText({ matchLabels: { ...labels.canary } });
  return `stable's pods: ${of(stable)}; the canary's, with ${carried}: ${of(canary)}`;
}

/** The Server of stable's pods takes the canary's too. */
function selectBoth({ namespace }: SeenObjects, guards: TrackGuards): Cure & { say: string } {
  const { server } = guards.stable;
  if (!server) return { say: "let a Server select the canary's pods, with an AuthorizationPolicy for its callers" };
  const podSelector = widenedSelector(server.spec.podSelector ?? {}, guards.labels.canary);
  const name = serverNameOf(server);
  if (!podSelector)
    return {
      say: `let Server ${name} select by labels that both versions carry`,
      run: kubectlIn(namespace, `edit ${servers} ${name}`),
    };
  const patch = { spec: { podSelector } };
  return {
    say: `let Server ${name} select both`,
    run: patchIn(namespace, `${servers} ${name}`, patch),
  };
}

export const policyRules = {
  "policy-shuts-canary": policyShutsCanary,
  "policy-opens-canary": policyOpensCanary,
} satisfies Rules;
