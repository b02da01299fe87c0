/** Whether the controller and what it needs of the API server are sound: CRD, Lease, versions, webhook, certificate. Pure. */
import { X509Certificate } from "node:crypto";
import { formatDuration } from "../../../../shared/core/format/duration.ts";
import { isOurs } from "../../../cluster/crd.ts";
import { days, viewController } from "../../../view/controller-health.ts";
import { skewBetween, tagOf } from "../../../view/skew.ts";
import { type Facts, type Finding, kubectl, nameOf, type Permission, type Probe, type WebhookFacts } from "../facts.ts";
import { helm } from "../helm.ts";

const install = "upgrade --install kubectl-canary charts/kubectl-canary";

export const definition: Probe = (facts) => {
  const { definition: found, scope } = facts;
  if (found === null)
    return [
      {
        fault: "crd-missing",
        level: "broken",
        what: "This cluster does not know Canaries.",
        evidence: "CustomResourceDefinition canaries.flagger.app does not exist",
        cure: helm(scope, install),
      },
    ];
  if (!found || isOurs(found)) return [];
  return [
    {
      fault: "crd-foreign",
      level: "broken",
      what: "The CRD canaries.flagger.app is not kubectl-canary's: the API server drops what the controller writes into a status.",
      evidence: "its schema has no status.run (Flagger's has none either)",
      cure: helm(scope, `${install} --take-ownership`),
    },
  ];
};

export const permissions: Probe = (facts) =>
  (facts.permissions ?? [])
    .filter(({ allowed }) => !allowed)
    .map((permission) => {
      const { verb, resource, name, namespace, for: purpose } = permission;
      const role = roleFor(permission);
      const object = name ? `${resource}/${name}` : resource;
      return {
        fault: "permission-missing",
        level: "warning",
        what: `You may not ${verb} ${resource} in namespace ${namespace}: ${purpose}.`,
        evidence: `kubectl auth can-i ${verb} ${object} -n ${namespace}${facts.scope.clusterFlags} says no`,
        cure: kubectl(facts, `create rolebinding canary-${role} --clusterrole ${role} --user USER`, namespace),
      };
    });

export const controllerAlive: Probe = (facts) => {
  const { controller, lease, scope } = facts;
  if (controller === null)
    return [
      {
        fault: "controller-missing",
        level: "broken",
        what: `No controller is installed in namespace ${scope.controllerNamespace}.`,
        evidence: "no Deployment there has the label app.kubernetes.io/name=kubectl-canary",
        cure: `${helm(scope, `${install} --create-namespace`)}, or name its namespace with --controller-namespace`,
      },
    ];
  const view = viewController(lease ?? undefined, facts.now);
  if (view.state !== "silent") return [];
  return [
    {
      fault: "controller-silent",
      level: "broken",
      what: `The controller is silent: weights stay as they are, and nobody judges.`,
      evidence: `its Lease was last renewed ${formatDuration((view.silentSeconds ?? 0) * 1_000)} ago, by ${view.holder ?? "nobody"}`,
      cure: kubectl(facts, "get pods,events", scope.controllerNamespace),
    },
  ];
};

export const versionSkew: Probe = (facts) => {
  const image = facts.controller?.spec?.template.spec?.containers[0]?.image;
  const skew = image ? skewBetween(facts.clientVersion, tagOf(image)) : undefined;
  if (!skew) return [];
  return [
    {
      fault: "version-skew",
      level: "warning",
      what: skew,
      evidence: `client ${facts.clientVersion}, controller image ${image}`,
      cure: "kubectl krew upgrade canary",
    },
  ];
};

export const webhookUp: Probe = (facts) => {
  const { webhook, scope } = facts;
  if (webhook === null)
    return [
      {
        fault: "webhook-missing",
        level: "broken",
        what: "The webhook that catches changes is not registered: every change goes out unjudged.",
        evidence: "no MutatingWebhookConfiguration has a webhook deployments.kubectl-canary.io",
        cure: helm(scope, install),
      },
    ];
  if (webhook?.readyEndpoints !== 0) return [];
  const { namespace, name } = webhook.service;
  const blocked = webhook.failurePolicy === "Fail" ? "are refused" : "go out unjudged";
  return [
    {
      fault: "webhook-down",
      level: "broken",
      what: `The webhook is down: changes of gated Deployments ${blocked}.`,
      evidence: `Service ${name} in namespace ${namespace} has no ready endpoint; failurePolicy is ${webhook.failurePolicy}`,
      cure: kubectl(facts, "get pods,events", namespace),
    },
  ];
};

/** The API server calls the webhook only if what it serves is valid now, for the Service's name, and signed by what it trusts. */
export const certificate: Probe = (facts) => {
  const { webhook } = facts;
  const serving = webhook?.serving ? read(webhook.serving) : undefined;
  if (!webhook || !serving) return [];
  const expired = Date.parse(serving.validTo) <= facts.now || Date.parse(serving.validFrom) > facts.now;
  if (expired) {
    const evidence = `valid from ${serving.validFrom} to ${serving.validTo}`;
    return [badCertificate(facts, webhook, { fault: "certificate-expired", what: "is not valid now", evidence })];
  }
  const why = mismatch(serving, webhook);
  return why ? [badCertificate(facts, webhook, { fault: "certificate-mismatch", ...why })] : [];
};

/** Renewal is due long before the end: what is late will not come by itself. */
export const renewal: Probe = (facts) => {
  const { certificate: found } = viewController(facts.lease ?? undefined, facts.now);
  // What is over is said of the certificate itself.
  if (!found?.overdue || found.daysLeft < 0) return [];
  const namespace = facts.webhook?.service.namespace || facts.scope.controllerNamespace;
  const byOthers = found.issuer !== "own";
  return [
    {
      fault: "certificate-overdue",
      level: "warning",
      what: `The webhook's certificate is not renewed: in ${days(found.daysLeft)} the API server cannot ask the webhook any more.`,
      evidence: `it expires at ${found.expiresAt}, and was to be renewed by ${byOthers ? found.issuer : "the controller"} before ${found.renewBy}`,
      cure: byOthers
        ? kubectl(facts, "describe certificate,certificaterequest", namespace)
        : kubectl(facts, `logs deploy/${nameOf(facts.controller) || "kubectl-canary"} --tail 100`, namespace),
    },
  ];
};

// --- internal ---

/** Kubernetes' own role has what is not of a Canary. */
function roleFor({ verb, resource }: Permission): string {
  if (resource === "deployments.apps") return "view";
  return `kubectl-canary-${verb === "get" || verb === "list" ? "viewer" : "operator"}`;
}

function mismatch(serving: X509Certificate, webhook: WebhookFacts): { what: string; evidence: string } | undefined {
  const host = `${webhook.service.name}.${webhook.service.namespace}.svc`;
  if (!serving.checkHost(host))
    return {
      what: "is for another name",
      evidence: `${host} is called, the certificate has ${serving.subjectAltName}`,
    };
  const authorities = webhook.trusted.flatMap((pem) => read(pem) ?? []);
  if (authorities.some((authority) => serving.verify(authority.publicKey))) return undefined;
  const known = authorities.map(({ subject }) => subject).join(", ") || "none";
  const what = "is signed by an authority that the API server does not trust";
  return { what, evidence: `its issuer is ${serving.issuer}; caBundle of ${webhook.configuration} has ${known}` };
}

function badCertificate(
  facts: Facts,
  webhook: WebhookFacts,
  { fault, what, evidence }: Pick<Finding, "fault" | "what" | "evidence">,
): Finding {
  const outcome = webhook.failurePolicy === "Fail" ? "refuses" : "lets past, unjudged,";
  return {
    fault,
    level: "broken",
    what: `The webhook's certificate ${what}: the API server ${outcome} changes of gated Deployments.`,
    evidence: evidence.replaceAll("\n", " "),
    cure: kubectl(
      facts,
      `rollout restart deploy ${nameOf(facts.controller) || webhook.service.name}`,
      webhook.service.namespace,
    ),
  };
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined; // Rubbish in a bundle certifies nothing.
  }
}
