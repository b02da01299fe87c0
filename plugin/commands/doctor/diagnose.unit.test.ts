/** Faults of the installation and of the objects beside a canary, each as facts: its name, what shows it, what mends it. */
import { beforeAll, describe, expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { causeOf, diagnose } from "./diagnose.ts";
import { issueAuthority, issueServing, type Issued } from "../../../webhook/certificates/issue.ts";
import { aService, type Case, expectOnly, soundFacts, withStatus } from "../../../test/plugin/fixtures/doctor-facts.ts";
import {
  aCanary,
  aDeployment,
  ago,
  aLease,
  aRun,
  now,
  scope,
  withCertificate,
} from "../../../test/plugin/fixtures/seen.ts";

const refused = { kind: "obstacle", code: "write-refused", what: "The API server refuses a Deployment." } as const;
const unknown = { kind: "missing", code: "something-new", what: "Something is missing." } as const;
const cases: Case[] = [
  [
    "crd-missing",
    "the CRD is not there",
    () => ({ definition: null, canary: undefined }),
    "does not exist",
    "helm upgrade --install",
  ],
  [
    "crd-foreign",
    "the CRD is Flagger's",
    ({ definition }) => ({
      definition: {
        ...definition!,
        spec: { ...definition!.spec, versions: [{ name: "v1beta1", served: true, storage: true }] },
      },
    }),
    "no status.run",
    "--take-ownership",
  ],
  [
    "permission-missing",
    "the user may not promote",
    () => ({
      permissions: [
        {
          verb: "promote",
          resource: "canaries.flagger.app",
          namespace: "test",
          allowed: false,
          for: "promote is refused",
        },
      ],
    }),
    "can-i promote canaries.flagger.app",
    "kubectl-canary-operator",
  ],
  [
    "permission-missing",
    "the user may not see the Lease",
    () => ({
      permissions: [
        {
          verb: "get",
          resource: "leases.coordination.k8s.io",
          name: "kubectl-canary-leader",
          namespace: "kubectl-canary",
          allowed: false,
          for: "it is not seen",
        },
      ],
    }),
    "can-i get leases.coordination.k8s.io/kubectl-canary-leader -n kubectl-canary says no",
    "kubectl -n kubectl-canary create rolebinding canary-kubectl-canary-viewer --clusterrole kubectl-canary-viewer",
  ],
  [
    "permission-missing",
    "the user may not see Deployments",
    () => ({
      permissions: [
        { verb: "get", resource: "deployments.apps", namespace: "test", allowed: false, for: "they are not shown" },
      ],
    }),
    "can-i get deployments.apps",
    "create rolebinding canary-view --clusterrole view",
  ],
  [
    "crd-missing",
    "the CRD is not there, in a cluster that flags choose",
    () => ({
      definition: null,
      canary: undefined,
      scope: {
        ...scope,
        clusterFlags: " --context 'my own' --cluster c --server https://x:6443 --as bob --as-group ops",
      },
    }),
    "does not exist",
    "-n kubectl-canary --kube-context 'my own' --kube-apiserver https://x:6443 --kube-as-user bob --kube-as-group ops",
  ],
  [
    "other-controller",
    "Flagger runs",
    () => ({
      flaggers: [
        {
          ...aDeployment("flagger", 1, "ghcr.io/fluxcd/flagger:1.40.0"),
          metadata: { name: "flagger", namespace: "mesh" },
        },
      ],
    }),
    "Deployment flagger in namespace mesh",
    "kubectl -n mesh scale deploy/flagger --replicas 0",
  ],
  [
    "rival-canary",
    "two Canaries have one target",
    () => ({ rivals: [{ ...aCanary(undefined), metadata: { name: "second" } }] }),
    "spec.targetRef",
    "kubectl -n test delete canary second",
  ],
  [
    "controller-missing",
    "no controller is installed",
    () => ({ controller: null }),
    "no Deployment",
    "--controller-namespace",
  ],
  [
    "controller-silent",
    "the Lease has run out",
    () => ({ lease: aLease(120) }),
    "2m ago",
    "kubectl -n kubectl-canary get pods,events",
  ],
  [
    "certificate-overdue",
    "nobody renews the certificate",
    () => ({ lease: withCertificate(aLease(2), 3, "cert-manager") }),
    "to be renewed by cert-manager before 2026-10-28",
    "kubectl -n kubectl-canary describe certificate,certificaterequest",
  ],
  [
    "version-skew",
    "the controller is newer",
    () => ({ controller: aDeployment("kubectl-canary", 1, "x/kubectl-canary:0.4.0") }),
    "client 0.1.0",
    "krew upgrade",
  ],
  [
    "webhook-missing",
    "no webhook is registered",
    () => ({ webhook: null }),
    "no MutatingWebhookConfiguration",
    "helm upgrade",
  ],
  [
    "webhook-down",
    "the webhook has no ready endpoint",
    ({ webhook }) => ({ webhook: { ...webhook!, readyEndpoints: 0 } }),
    "no ready endpoint",
    "kubectl -n kubectl-canary get pods,events",
  ],
  [
    "namespace-excluded",
    "the webhook's selector leaves the namespace out",
    ({ webhook }) => ({ webhook: { ...webhook!, excludedNamespaces: ["kube-system", "test"] } }),
    "excluded are kube-system, test",
    "webhook.excludedNamespaces",
  ],
  [
    "namespace-not-watched",
    "the webhook's selector takes other namespaces in",
    ({ webhook }) => ({ webhook: { ...webhook!, watchNamespaces: ["shop"] } }),
    "watchNamespaces is shop",
    "helm upgrade",
  ],
  [
    "foreign-parent",
    "the controller's setting allows no Gateway",
    ({ canary, controller }) => {
      const found = structuredClone(controller!);
      found.spec!.template.spec!.containers[0]!.env = [{ name: "KUBECTL_CANARY_ALLOW_GATEWAYS", value: "false" }];
      const service = { port: 9898, gatewayRefs: [{ name: "public" }] };
      const spec = { ...canary!.spec, service };
      const { status = {} } = canary!;
      const onHttpRoute = {
        ...canary!,
        spec,
        status: { ...status, route: { ...status.route!, kind: "HTTPRoute" as const } },
      };
      return { controller: found, route: null, canary: onHttpRoute };
    },
    "routes.allowGateways is false",
    "edit canary podinfo",
  ],
  [
    "webhook-bypassed",
    "a change went live unjudged",
    withStatus({
      unvetted: { hash: "v1-cc", images: { podinfod: "podinfo:9" }, by: "bob", how: "break-glass", at: ago(60) },
    }),
    "podinfo:9, by bob",
    "kubectl canary adopt podinfo -n test",
  ],
  [
    "webhook-bypassed",
    "the next change would",
    ({ target }) => ({ target: { ...target!, metadata: { ...target!.metadata, labels: { [label.bypass]: "true" } } } }),
    label.bypass,
    `label deploy podinfo ${label.bypass}-`,
  ],
  [
    "canary-missing",
    "no Canary has the target",
    () => ({ canary: null }),
    "spec.targetRef",
    "kubectl canary init deploy/podinfo -n test",
  ],
  [
    "canary-suspended",
    "the Canary is suspended",
    ({ canary }) => ({ canary: { ...canary!, spec: { ...canary!.spec, suspend: true } } }),
    "spec.suspend",
    '{"spec":{"suspend":false}}',
  ],
  [
    "write-refused",
    "a write of the controller's is refused",
    ({ canary }) => ({ canary: { ...canary!, status: { ...canary!.status, blocked: refused } } }),
    "status.blocked",
    "get events --field-selector involvedObject.name=podinfo",
  ],
  [
    "blocked",
    "the controller says that nothing can start, and nothing else explains it",
    ({ canary }) => ({ canary: { ...canary!, status: { ...canary!.status, blocked: unknown } } }),
    "status.blocked",
    "kubectl canary status podinfo -n test",
  ],
  [
    "waits-for-person",
    "the run waits at a gate",
    withStatus({ run: { ...aRun, hold: "gate" }, reason: "Waiting at gate qa: it answered 403." }),
    "gate qa: it answered 403",
    "kubectl canary explain podinfo -n test",
  ],
  ["target-missing", "the target does not exist", () => ({ target: null }), "spec.targetRef", "get deployments"],
  [
    "target-unfit",
    "the target is Recreate",
    ({ target }) => ({ target: { ...target!, spec: { ...target!.spec!, strategy: { type: "Recreate" } } } }),
    "strategy Recreate",
    "edit deploy podinfo",
  ],
  [
    "target-unfit",
    "the target has no replicas",
    ({ target }) => ({ target: { ...target!, spec: { ...target!.spec!, replicas: 0 } } }),
    "0 replicas",
    "scale deploy/podinfo",
  ],
  [
    "target-paused",
    "a user paused it",
    ({ target }) => ({ target: { ...target!, spec: { ...target!.spec!, paused: true } } }),
    "spec.paused",
    "rollout resume deploy podinfo",
  ],
  [
    "flagger-primary",
    "Flagger's clone is there",
    () => ({ deployments: [aDeployment("podinfo-primary", 2, "x")] }),
    "podinfo-primary",
    "delete deploy podinfo-primary",
  ],
  [
    "foreign-object",
    "a leaf Service is not ours",
    ({ services }) => ({ services: [...services!.slice(0, 2), aService("podinfo-canary", "podinfo-canary", false)] }),
    label.canary,
    "delete svc/podinfo-canary",
  ],
  [
    "service-leak",
    "a Service selects the canary too",
    ({ services, target }) => ({
      target: {
        ...target!,
        spec: {
          ...target!.spec!,
          template: { metadata: { labels: { app: "podinfo", tier: "web" } }, spec: target!.spec!.template.spec! },
        },
      },
      services: [...services!, { metadata: { name: "all" }, spec: { selector: { tier: "web" } } }],
    }),
    "tier=web",
    `patch svc all --type merge -p '{"spec":{"selector":{"app":"podinfo"}}}'`,
  ],
  [
    "port-mismatch",
    "the Service lacks the port",
    ({ canary }) => ({ canary: { ...canary!, spec: { ...canary!.spec, service: { port: 80 } } } }),
    "spec.service.port is 80; the Service has 9898",
    '{"spec":{"service":{"port":9898}}}',
  ],
  [
    "port-mismatch",
    "its port leads nowhere",
    ({ services, target }) => ({
      services: [{ ...services![0]!, spec: { ...services![0]!.spec, ports: [{ port: 9898, targetPort: "web" }] } }],
      target: {
        ...target!,
        spec: {
          ...target!.spec!,
          template: {
            ...target!.spec!.template,
            spec: { containers: [{ name: "podinfod", ports: [{ name: "http", containerPort: 9898 }] }] },
          },
        },
      },
    }),
    "declare http (9898)",
    "edit svc podinfo",
  ],
  [
    "autoscaler-fight",
    "an HPA scales the canary",
    () => ({
      autoscalers: [
        {
          metadata: { name: "hpa" },
          spec: { maxReplicas: 9, scaleTargetRef: { kind: "Deployment", name: "podinfo-canary" } },
        },
      ],
    }),
    "scaleTargetRef of hpa",
    "delete hpa hpa",
  ],
];

it("finds nothing where all is sound", () => expect(diagnose(soundFacts())).toEqual([]));

it("finds nothing where nothing may be read: what is not known is no fault", () => {
  const { now: at, scope, targetName, apexName, clientVersion } = soundFacts();
  expect(diagnose({ now: at, scope, targetName, apexName, clientVersion, canary: undefined })).toEqual([]);
});

it.each(cases)("%s: %s", (...row) => expectOnly(row));

it("puts causes before what they cause, and warnings last", () => {
  const broken = {
    ...soundFacts(),
    lease: aLease(120),
    ...withStatus({ run: { ...aRun, hold: "unreached" } })(soundFacts()),
  };
  const facts = { ...broken, controller: aDeployment("kubectl-canary", 1, "x/kubectl-canary:0.4.0") };
  expect(diagnose(facts).map(({ fault }) => fault)).toEqual(["controller-silent", "no-traffic", "version-skew"]);
  expect(causeOf(facts)?.fault).toBe("controller-silent");
});

describe("the webhook's certificate", () => {
  const host = "kubectl-canary.kubectl-canary.svc";
  const year = { now, lifetimeMs: 31_536_000_000 };
  let authority: Issued;
  beforeAll(async () => void (authority = await issueAuthority("ours", year)));
  const withServing = (serving: string, trusted = [authority.cert], at = now) => {
    const sound = soundFacts();
    const found = diagnose({ ...sound, now: at, lease: undefined, webhook: { ...sound.webhook!, serving, trusted } });
    return found.map(({ fault, evidence }) => [fault, evidence]);
  };

  it("is sound when it is for the Service, valid, and signed by what is trusted", async () => {
    const { cert } = await issueServing(authority, [host], year);
    expect(withServing(cert)).toEqual([]);
    const other = await issueAuthority("older", year);
    expect(withServing(cert, [other.cert, authority.cert])).toEqual([]);
  });

  it("is found expired", async () => {
    const { cert } = await issueServing(authority, [host], { now, lifetimeMs: 1_000 });
    expect(withServing(cert, undefined, now + 60_000)).toEqual([
      ["certificate-expired", expect.stringContaining("2026") as string],
    ]);
  });

  it("is found not to match what the API server trusts, or calls", async () => {
    const { cert } = await issueServing(authority, [host], year);
    const other = await issueAuthority("another", year);
    expect(withServing(cert, [other.cert])).toEqual([
      ["certificate-mismatch", expect.stringContaining("caBundle of zz-kubectl-canary has CN=another") as string],
    ]);
    const elsewhere = await issueServing(authority, ["x.y.svc"], year);
    expect(withServing(elsewhere.cert)).toEqual([
      ["certificate-mismatch", expect.stringContaining(`${host} is called`) as string],
    ]);
  });
});
