import type { V1Deployment } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { resource } from "../../shared/kube/resources.ts";
import { aTerminal } from "../../test/plugin/fixtures/terminal.ts";
import { RecordingCluster } from "../../test/recording-cluster.ts";
import { openPrometheus } from "./prometheus.ts";
import type { Session } from "./session.ts";

function controller(allowed: string): V1Deployment {
  const env = [{ name: "KUBECTL_CANARY_ALLOWED_ADDRESSES", value: allowed }];
  const template = { spec: { containers: [{ name: "controller", env }] } };
  return { metadata: { name: "kubectl-canary" }, spec: { selector: {}, template } };
}

async function asking(metricsServer: string, controllers: V1Deployment[]): Promise<string> {
  const canary = { metadata: { name: "c", namespace: "test" }, spec: { metricsServer } } as unknown as Canary;
  const given = controllers.map((object) => ({ of: resource.deployments, object }));
  const session = {
    deps: { ...aTerminal(), cluster: new RecordingCluster(given), signal: new AbortController().signal },
    scope: { namespace: "test", controllerNamespace: "kubectl-canary", clusterFlags: "" },
    forward: () => Promise.reject(new Error("was forwarded")),
  } as unknown as Session;
  try {
    const prometheus = await openPrometheus(canary, session);
    await prometheus.query("up");
    return "answered";
  } catch (error: unknown) {
    return String(error);
  }
}

it.each<[string, string, V1Deployment[], RegExp]>([
  [
    "somebody's server",
    "http://evil.example:9090",
    [controller("none")],
    /not asked from this machine either.*allows none/,
  ],
  ["a Service of another namespace", "http://web.other:80", [controller("none")], /may not ask web.other:80/],
  [
    "what nobody can say of",
    "http://evil.example",
    [],
    /is not known, for the controller's Deployment may not be read/,
  ],
  ["this machine under a name", "http://localhost:1", [controller("local*")], /may not ask localhost/],
])("does not connect to %s", async (_, address, controllers, said) => {
  expect(await asking(address, controllers)).toMatch(said);
});

it("connects to what the controller may ask", async () => {
  const said = await asking("http://127.0.0.1:1", [controller("127.0.0.1:1")]);
  expect(said).toMatch(/cannot be reached/);
});
