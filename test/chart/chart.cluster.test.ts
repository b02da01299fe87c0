// What Helm makes of the chart: lint, the values' schema, and the choices that depend on the cluster.
import { copyFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadAll } from "js-yaml";
import { helm } from "../cluster/client.ts";
import { release } from "./install.ts";
import { alertRules, dashboards } from "./screens.ts";

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  rules?: { resources: string[]; resourceNames?: string[] }[];
  webhooks?: { namespaceSelector?: object }[];
  spec?: { template?: { metadata: { annotations: Record<string, string> } }; replicas?: number };
}

const image = ["--set", "image.repository=registry.example/canary"];

async function render(...args: string[]): Promise<Manifest[]> {
  const given = [...image, ...args];
  const { stdout, stderr, code } = await helm(["template", release.name, release.chart, "-n", "canary", ...given]);
  if (code !== 0) throw new Error(stderr);
  return loadAll(stdout) as Manifest[];
}

const named = (manifests: Manifest[], kind: string): string[] =>
  manifests.filter((one) => one.kind === kind).map((one) => one.metadata.name);

const annotationsOf = (manifests: Manifest[]): Record<string, string> =>
  manifests.find((one) => one.kind === "Deployment")?.spec?.template?.metadata.annotations ?? {};

describe("the chart", () => {
  it("passes helm lint in strict mode", async () => {
    const { stdout, code } = await helm(["lint", "--strict", release.chart, ...image]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("0 chart(s) failed")]);
  });

  it("is refused on a Kubernetes without CEL match conditions", async () => {
    await expect(render("--kube-version", "1.29.4")).rejects.toThrow(/incompatible with Kubernetes v?1\.29\.4/);
  });

  it.each([
    ["an unknown setting", "replica=3", /additional properties 'replica' not allowed/],
    ["a provider that is none", "provider=istio", /provider/],
    ["a port that is none", "webhook.port=0", /webhook\/port|webhook\.port/],
    ["no replica", "replicas=0", /replicas/],
    ["a duration that is none", "drain=soon", /drain/],
    [
      "a place for alerts of no type",
      "alerts.default.address=https://chat.example/x",
      /alerts.default.type is not set/,
    ],
    ["a type of alerts and no place", "alerts.default.type=slack", /alerts.default needs address or secretName/],
    [
      "two places for Events",
      "eventWebhook.address=https://a.example,eventWebhook.secretName=b",
      /leave one of them out/,
    ],
    ["a name that Kubernetes would refuse half-way", "fullnameOverride=My_Canary", /fullnameOverride/],
  ])("is refused with %s", async (_, setting, message) => {
    await expect(render("--set", setting)).rejects.toThrow(message);
  });

  it("joins the mesh by itself where Linkerd is installed, and past the proxy on the webhook's port", async () => {
    expect(annotationsOf(await render())).not.toHaveProperty("linkerd.io/inject");
    const meshed = annotationsOf(await render("--api-versions", "linkerd.io/v1alpha2"));
    expect(meshed).toMatchObject({ "linkerd.io/inject": "enabled", "config.linkerd.io/skip-inbound-ports": "10250" });
  });

  it("leaves the certificate to cert-manager where that is installed, and then may only read it", async () => {
    const secrets = (manifests: Manifest[]) =>
      manifests
        .filter(({ kind, metadata }) => kind === "Role" && metadata.name === "kubectl-canary")
        .flatMap(({ rules = [] }) => rules.filter(({ resources }) => resources.includes("secrets")));
    const own = await render();
    expect([named(own, "Certificate"), named(own, "Issuer")]).toEqual([[], []]);
    expect(secrets(own).map(({ resourceNames }) => resourceNames)).toEqual([["kubectl-canary-certificate"], undefined]);
    const found = ["--api-versions", "cert-manager.io/v1"];
    const issued = await render(...found);
    expect(named(issued, "Certificate")).toEqual(["kubectl-canary-ca", "kubectl-canary"]);
    expect(secrets(issued)).toEqual([
      {
        apiGroups: [""],
        resources: ["secrets"],
        resourceNames: ["kubectl-canary-tls"],
        verbs: ["get", "list", "watch"],
      },
    ]);
    const off = await render(...found, "--set", "webhook.certManager.enabled=false");
    expect(named(off, "Certificate")).toEqual([]);
    const theirs = ["webhook.certManager.enabled=true", "webhook.certManager.issuerRef.name=internal"];
    const byTheirs = await render(...theirs.flatMap((value) => ["--set", value]));
    expect([named(byTheirs, "Certificate"), named(byTheirs, "Issuer")]).toEqual([["kubectl-canary"], []]);
  });

  it("asks viz's Prometheus to accept the controller where it is told to", async () => {
    expect(named(await render(), "AuthorizationPolicy")).toEqual([]);
    const policies = (await render("--set", "linkerd.viz.authorize=true")).filter(
      (one) => one.kind === "AuthorizationPolicy",
    );
    expect(policies).toMatchObject([
      {
        metadata: { namespace: "linkerd-viz" },
        spec: {
          targetRef: { kind: "Server", name: "prometheus-admin" },
          requiredAuthenticationRefs: [{ kind: "ServiceAccount", name: "kubectl-canary", namespace: "canary" }],
        },
      },
    ]);
  });

  it("lets only those in who are named, where a network policy is asked for", async () => {
    expect(named(await render(), "NetworkPolicy")).toEqual([]);
    await expect(render("--set", "networkPolicy.enabled=true")).rejects.toThrow(/needs networkPolicy.webhookFrom/);
    const from = "networkPolicy.webhookFrom[0].ipBlock.cidr=10.0.0.1/32";
    const policies = (await render("--set", `networkPolicy.enabled=true,${from}`)).filter(
      ({ kind }) => kind === "NetworkPolicy",
    );
    const ports = [{ protocol: "TCP", port: 10250 }];
    const ingress = [{ from: [{ ipBlock: { cidr: "10.0.0.1/32" } }], ports }];
    expect(policies).toMatchObject([{ spec: { policyTypes: ["Ingress"], ingress } }]);
  });

  it("assumes nobody's image, and takes one by its digest", async () => {
    await expect(render("--set", "image.repository=")).rejects.toThrow(/image.repository is not set: build the image/);
    const digest = `sha256:${"a".repeat(64)}`;
    const { stdout } = await helm([
      "template",
      release.name,
      release.chart,
      ...image,
      "--set",
      `image.digest=${digest}`,
    ]);
    expect(stdout.match(/image: .*/g)).toEqual(Array(2).fill(`image: registry.example/canary@${digest}`));
  });

  it("gives V8 three quarters of the memory limit", async () => {
    const optionsWith = async (...args: string[]): Promise<unknown> => {
      const { stdout } = await helm(["template", release.name, release.chart, ...image, ...args]);
      return /--max-old-space-size=\d+/.exec(stdout)?.[0];
    };
    expect(await optionsWith()).toBe("--max-old-space-size=384");
    expect(await optionsWith("--set", "resources.limits.memory=2Gi")).toBe("--max-old-space-size=1536");
    expect(await optionsWith("--set", "resources.limits=null")).toBeUndefined();
  });

  it("tells the controller and its hook which namespaces the webhook leaves out", async () => {
    const all = await render("--set", "webhook.excludedNamespaces={a,b}");
    const selectors = all.flatMap(({ webhooks = [] }) => webhooks.flatMap((one) => one.namespaceSelector ?? []));
    expect(selectors).toEqual([
      {
        matchExpressions: [
          { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["canary", "kube-system", "a", "b"] },
        ],
      },
    ]);
    const told = JSON.stringify(all).match(/(?<="KUBECTL_CANARY_EXCLUDED_NAMESPACES","value":")[^"]*/g);
    expect(told).toEqual(Array(2).fill("canary,kube-system,a,b"));
  });

  it("needs no ClusterRole but for what has no namespace, where the namespaces are listed", async () => {
    const all = await render("--set", "watchNamespaces={shop,pay}", "--set", "metrics.templateNamespaces={pay,tools}");
    const own = named(all, "ClusterRoleBinding");
    expect(own).toEqual(["kubectl-canary-cluster"]);
    const rules = all.find(({ kind, metadata }) => kind === "ClusterRole" && metadata.name === own[0])?.rules ?? [];
    expect(rules.map(({ resources, resourceNames }) => [resources, resourceNames?.length])).toEqual([
      [["namespaces"], 2],
      [["customresourcedefinitions"], 1],
      [["mutatingwebhookconfigurations"], 1],
      [["validatingwebhookconfigurations"], 1],
    ]);
    const roles = all.filter(({ kind }) => kind === "Role").map(({ metadata }) => metadata);
    expect(
      roles.flatMap(({ name, namespace }) => (namespace === "canary" ? [] : `${namespace}/${name}`)).sort(),
    ).toEqual([
      "default/kubectl-canary-api-servers",
      "pay/kubectl-canary",
      "shop/kubectl-canary",
      "tools/kubectl-canary-templates",
    ]);
    const selectors = all.flatMap(({ webhooks = [] }) => webhooks.map((one) => JSON.stringify(one.namespaceSelector)));
    // All but the one that tells authors elsewhere that nobody looks.
    expect(selectors.map((one) => one?.includes('"values":["shop","pay"]') ?? false)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(JSON.stringify(all).match(/(?<="KUBECTL_CANARY_WATCH_NAMESPACES","value":")[^"]*/g)).toEqual(
      Array(2).fill("shop,pay"),
    );
    await expect(render("--set", "watchNamespaces={Shop}")).rejects.toThrow(/watchNamespaces/);
  });

  it("takes the values of its first release, as --reuse-values brings them, and fills in what is newer", async () => {
    const first = join(import.meta.dirname, "first-values.yaml");
    const then = await mkdtemp(join(tmpdir(), "chart-"));
    await cp(release.chart, then, { recursive: true });
    await copyFile(first, join(then, "values.yaml"));
    const args = (chart: string): string[] => ["template", release.name, chart, "-n", "canary", ...image];
    const upgraded = await helm(args(then));
    expect(upgraded.stderr).toBe("");
    expect(upgraded.stdout).toBe((await helm([...args(release.chart), "--values", first])).stdout);
    const off = await helm([...args(then), "--set", "ownLimits.enabled=false"]);
    expect([upgraded, off].map(({ stdout }) => stdout.includes("kubectl-canary-own"))).toEqual([true, false]);
    await rm(then, { recursive: true });
  });

  it("has no disruption budget for a single replica, which could then never be moved", async () => {
    expect(named(await render(), "PodDisruptionBudget")).toEqual(["kubectl-canary"]);
    expect(named(await render("--set", "replicas=1"), "PodDisruptionBudget")).toEqual([]);
  });

  it("brings dashboards, alert rules and monitors where they are asked for, with the labels by which they are found", async () => {
    const kinds = ["ConfigMap", "PrometheusRule", "PodMonitor", "ServiceMonitor"];
    const off = await render();
    expect(kinds.flatMap((kind) => named(off, kind))).toEqual([]);
    const on = ["dashboards", "alertRules", "podMonitor", "serviceMonitor"].map((value) => `${value}.enabled=true`);
    const found = [
      "dashboards.namespace=grafana",
      "alertRules.labels.release=prom",
      "podMonitor.labels.release=prom",
      "serviceMonitor.interval=30s",
    ];
    const all = await render("--set", [...on, ...found].join(","));
    const one = (kind: string): Manifest => all.find((manifest) => manifest.kind === kind)!;
    const { metadata, data = {} } = one("ConfigMap");
    expect([metadata.namespace, metadata.labels?.["grafana_dashboard"]]).toEqual(["grafana", "1"]);
    const boards = (await dashboards()).map(([file, board]) => [`kubectl-canary-${file}`, board]);
    expect(Object.entries(data).map(([file, text]) => [file, JSON.parse(text) as unknown])).toEqual(boards);
    const rules = one("PrometheusRule");
    expect(rules.spec).toEqual({ groups: [{ name: "kubectl-canary", rules: await alertRules() }] });
    expect([rules, one("PodMonitor")].map(({ metadata: { labels } }) => labels?.["release"])).toEqual(["prom", "prom"]);
    const scraped = { port: "metrics", path: "/metrics", honorLabels: true };
    expect(one("PodMonitor").spec).toMatchObject({ podMetricsEndpoints: [{ ...scraped, interval: "15s" }] });
    const { selector, endpoints } = one("ServiceMonitor").spec as {
      selector: { matchLabels: object };
      endpoints: object;
    };
    expect(endpoints).toEqual([{ ...scraped, interval: "30s" }]);
    const services = all.filter((manifest) => manifest.kind === "Service" && manifest.metadata.labels);
    const monitored = services.filter(({ metadata: { labels } }) =>
      Object.entries(selector.matchLabels).every(([key, value]) => labels?.[key] === value),
    );
    expect(monitored.map((manifest) => manifest.metadata.name)).toEqual(["kubectl-canary-metrics"]);
  });

  it("leaves the definitions, the policy and the hook away where it is told to", async () => {
    const all = await render();
    expect(named(all, "CustomResourceDefinition")).toHaveLength(3);
    expect(named(all, "Job")).toEqual(["kubectl-canary-uninstall"]);
    const bare = await render(
      ...[
        "--set",
        "crds.install=false",
        "--set",
        "commandAuthorization.enabled=false,ownLimits.enabled=false",
        "--set-json",
        "autoscalers.accounts=[]",
        "--set",
        "uninstall.enabled=false",
      ],
    );
    const kinds = ["CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "Job"];
    expect(kinds.flatMap((kind) => named(bare, kind))).toEqual([]);
  });

  it("gives everything that is not cluster-wide the release's namespace", async () => {
    const placed = (await render()).filter((one) => one.metadata.namespace !== undefined);
    expect(new Set(placed.map((one) => one.metadata.namespace))).toEqual(new Set(["canary"]));
  });
});
