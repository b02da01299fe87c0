// The local cluster is a real Kubernetes: what every other cluster test takes for granted is checked here once.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apply, deleteNamespace, kubectl, mustKubectl, portForward, waitForRollout } from "./client.ts";
import { getJson } from "./get.ts";
import { applySmi, linkerdSmiVersions, removeSmi } from "./crds.ts";
import { nodeName } from "./layout.ts";
import { addImage, listImages } from "./parts/images.ts";
import { programEntries } from "../../build/oci-image.ts";
import { startComponent, stopComponent } from "./machine/processes.ts";
import { prometheusUrl, setScrapeInterval } from "./parts/prometheus.ts";
import { unmet, waitFor, type Unmet } from "./wait.ts";

const namespace = "cluster-test";
const image = "kubectl-canary.local/cluster-test:1";

const page = `
require("node:http").createServer((_, answer) => answer.end("hello from " + require("node:os").hostname())).listen(8080);
`;

const labels = { app: "web" };
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "web",
            image,
            command: ["node", "-e", page],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};

interface Definition {
  spec: { versions: { name: string; served: boolean }[] };
}

async function servedVersions(name: string): Promise<string[]> {
  const definition = await getJson<Definition>(["customresourcedefinition", name]);
  return definition.spec.versions.filter((version) => version.served).map((version) => version.name);
}

beforeAll(async () => {
  await deleteNamespace(namespace);
  await addImage({ name: image, entries: await programEntries(process.execPath, "/usr/bin/node") });
  await mustKubectl(["create", "namespace", namespace]);
  await apply([deployment, service]);
  await waitForRollout(namespace, "web");
});

afterAll(() => deleteNamespace(namespace));

describe("the local cluster", () => {
  it("has one node, and it is Ready", async () => {
    const args = ["get", "node", nodeName, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"];
    expect(await mustKubectl(args)).toBe("True");
  });

  it("knows an image that was imported under its name", async () => {
    expect(await listImages()).toContain(image);
  });

  it("lets a pod reach itself and others through a Service by its DNS name", async () => {
    const url = `http://web.${namespace}.svc.cluster.local`;
    const script = `fetch("${url}").then((answer) => answer.text()).then(console.log)`;
    const said = await mustKubectl(["exec", "--namespace", namespace, "deployment/web", "--", "node", "-e", script]);
    expect(said).toMatch(/^hello from web-/);
  });

  it("lets a pod reach the API server with its own account", async () => {
    const script = `
      const fs = require("node:fs");
      const dir = "/var/run/secrets/kubernetes.io/serviceaccount/";
      const options = { ca: fs.readFileSync(dir + "ca.crt"), headers: { authorization: "Bearer " + fs.readFileSync(dir + "token") } };
      require("node:https").get("https://kubernetes.default.svc/api/v1/nodes", options, (answer) => answer.resume() && console.log(answer.statusCode)).end();`;
    const said = await mustKubectl(["exec", "--namespace", namespace, "deployment/web", "--", "node", "-e", script]);
    expect(said.trim(), "known, and not allowed to list nodes").toBe("403");
  });

  it("forwards a local port to a Service", async () => {
    const forward = await portForward(namespace, "svc/web", 80);
    try {
      expect(await (await fetch(forward.url)).text()).toMatch(/^hello from web-/);
    } finally {
      await forward.close();
    }
  });

  it("serves TrafficSplit as Linkerd-SMI does, and takes weights as numbers and quantities", async () => {
    expect(await servedVersions("trafficsplits.split.smi-spec.io")).toEqual(linkerdSmiVersions);
    const backends = [
      { service: "web", weight: "900m" },
      { service: "web", weight: 100 },
    ];
    const split = {
      apiVersion: "split.smi-spec.io/v1alpha1",
      kind: "TrafficSplit",
      metadata: { name: "web", namespace },
    };
    await apply([{ ...split, spec: { service: "web", backends } }]);
    expect((await getJson<{ spec: object }>(["trafficsplit", "web", "-n", namespace])).spec).toEqual({
      service: "web",
      backends,
    });
  });

  it("can be without TrafficSplit, and with the SDK's version of it", async () => {
    await removeSmi();
    expect((await kubectl(["get", "trafficsplits", "-A"])).code).toBe(1);
    await applySmi(["v1alpha4"]);
    expect(await servedVersions("trafficsplits.split.smi-spec.io")).toEqual(["v1alpha4"]);
    await applySmi();
    expect(await servedVersions("trafficsplits.split.smi-spec.io")).toEqual(linkerdSmiVersions);
  });

  it("serves HTTPRoute v1 of the Gateway API", async () => {
    expect(await servedVersions("httproutes.gateway.networking.k8s.io")).toContain("v1");
  });

  it("has a Prometheus that discovers pods, and whose scrape interval can be changed while it runs", async () => {
    const url = await prometheusUrl();
    const interval = async (): Promise<string> => {
      const answer = (await (await fetch(`${url}/api/v1/status/config`)).json()) as { data: { yaml: string } };
      return /scrape_interval: (\S+)/.exec(answer.data.yaml)?.[1] ?? "";
    };
    const before = await interval();
    await setScrapeInterval("3s");
    expect(await interval()).toBe("3s");
    await setScrapeInterval(before);
    expect(await interval()).toBe(before);
  });

  it("goes on serving while its API server is stopped, and takes it back", async () => {
    const clusterIp = (await getJson<{ spec: { clusterIP: string } }>(["service", "web", "-n", namespace])).spec
      .clusterIP;
    await stopComponent("kube-apiserver");
    try {
      expect((await kubectl(["get", "nodes"])).code).toBe(1);
      expect(await (await fetch(`http://${clusterIp}`)).text()).toMatch(/^hello from web-/);
    } finally {
      await startComponent("kube-apiserver");
    }
    const ready = async (): Promise<true | Unmet> => {
      const { code, stderr } = await kubectl(["get", "nodes"]);
      return code === 0 || unmet(stderr);
    };
    await waitFor(ready, 30_000, "kubectl to get nodes again");
  });
});
