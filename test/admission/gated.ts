/**
 * A Deployment with a Canary that never passes its first step, since nobody calls it: what writers of the Deployment do to a
 * run can be seen at leisure. Version 2 drops an env var and a container of version 1; version 3 has neither.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { expect } from "vitest";
import type { CanarySpec } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { podinfoImage } from "../app/podinfo.ts";
import { apply, deleteNamespace, mustKubectl, waitForRollout } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { pauseImage } from "../cluster/parts/config.ts";
import type { Output } from "../cluster/run.ts";
import { Scenario, canaryFor } from "../e2e/scenario.ts";
import type { Tool } from "./tools.ts";
import { unwritten } from "./unwritten.ts";

export type VersionName = "v1" | "v2" | "v3";

const images = { v1: "1.7.0", v2: "1.7.1", v3: "1.7.4" } as const;

/** The manifest as a team keeps it in git. */
export function deployment(version: VersionName): V1Deployment {
  const dropped = version === "v1";
  const env = [...(dropped ? ["FOO"] : []), "BAR"].map((name) => ({ name, value: "1" }));
  const podinfod = {
    name: "podinfod",
    image: podinfoImage(images[version]),
    env,
    ports: [{ name: "http", containerPort: 9898 }],
    readinessProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 1 },
  };
  const containers = [podinfod, ...(dropped ? [{ name: "helper", image: pauseImage }] : [])];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    // kubectl diff finds fault with a manifest that has none.
    metadata: { name: "podinfo", annotations: { team: "web" } },
    spec: {
      replicas: 1,
      // So long a promotion takes at least: what tests do in it comes in time.
      minReadySeconds: 5,
      selector: { matchLabels: { app: "podinfo" } },
      template: {
        metadata: { labels: { app: "podinfo" } },
        spec: { terminationGracePeriodSeconds: 1, containers },
      },
    },
  };
}

export interface GatedOptions {
  spec?: Partial<CanarySpec>;
  /** Of version 1. */
  change?: (manifest: V1Deployment) => void;
}

export class Gated {
  readonly namespace: string;
  readonly scenario: Scenario;
  private readonly tool: Tool;

  private constructor(namespace: string, tool: Tool) {
    this.namespace = namespace;
    this.tool = tool;
    this.scenario = Scenario.of(namespace);
  }

  /** In a namespace of its own: version 1 runs, written by `tool`, and its Canary is initialized. */
  static async start(namespace: string, tool: Tool, { spec }: GatedOptions = {}): Promise<Gated> {
    const gated = new Gated(namespace, tool);
    await deleteNamespace(namespace);
    await mustKubectl(["create", "namespace", namespace]);
    // A PUT needs something to replace.
    if (tool.needsObject)
      await mustKubectl(["-n", namespace, "create", "-f", "-"], { input: JSON.stringify(deployment("v1")) });
    await gated.write("v1");
    await waitForRollout(namespace, "podinfo");
    const analysis = { interval: "600s" };
    await apply([canaryFor(namespace, { provider: "gatewayapi:v1", analysis, spec: { ...spec } })]);
    await gated.scenario.phase("Initialized", 60_000);
    return gated;
  }

  /** By this Deployment's own tool, or by another; throws with its words when it fails. */
  async write(version: VersionName | V1Deployment, tool: Tool = this.tool): Promise<Output> {
    const manifest = typeof version === "string" ? deployment(version) : version;
    const output = await tool.write(manifest, this.namespace);
    expect(output.code, `${tool.name}: ${output.stdout}${output.stderr}`).toBe(0);
    return output;
  }

  target(): Promise<V1Deployment> {
    return getJson<V1Deployment>(["-n", this.namespace, "deploy", "podinfo"]);
  }

  canaryWorkload(): Promise<V1Deployment> {
    return getJson<V1Deployment>(["-n", this.namespace, "deploy", "podinfo-canary"]);
  }

  /** Waits for a run of this version to have its canary's traffic. */
  async running(version: VersionName, deadlineMs = 90_000): Promise<CanaryStatus> {
    const status = await this.scenario.until(
      `a run of ${version}`,
      ({ run, canaryWeight }) => run?.images["podinfod"] === podinfoImage(images[version]) && canaryWeight === 20,
      deadlineMs,
    );
    expectVersion(await this.canaryWorkload(), version);
    return status;
  }

  /** What of the target only somebody's write changes, once Kubernetes has seen its last one. */
  unwritten(): Promise<object> {
    return unwritten(this.namespace);
  }

  /** Does not wait until all is gone: `start` does, where the name is used again. */
  async end(): Promise<void> {
    await mustKubectl(["delete", "namespace", this.namespace, "--wait=false"]);
  }
}

/** The template is exactly this version's: nothing that another version had is left in it. */
export function expectVersion(object: V1Deployment, version: VersionName): void {
  const facts = ({ spec }: V1Deployment): unknown =>
    spec?.template.spec?.containers.map(({ name, image, env }) => ({ name, image, env }));
  expect(facts(object)).toEqual(facts(deployment(version)));
}

/** Managers of fields under the target's template; ours must never be among them. */
export async function templateManagers(gated: Gated): Promise<string[]> {
  const args = ["-n", gated.namespace, "deploy", "podinfo", "--show-managed-fields"];
  const { metadata } = await getJson<V1Deployment>(args);
  return (metadata?.managedFields ?? [])
    .filter(({ subresource }) => subresource === undefined)
    .filter(({ fieldsV1 }) => (fieldsV1 as { "f:spec"?: object } | undefined)?.["f:spec"])
    .filter(({ fieldsV1 }) => "f:template" in (fieldsV1 as { "f:spec": object })["f:spec"])
    .map(({ manager = "" }) => manager);
}
