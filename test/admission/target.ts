/** A gated Deployment for admission tests: opted in by hand under the controller's name, with no Canary that would act on it. */
import type { V1Deployment } from "@kubernetes/client-node";
import { label } from "../../shared/core/objects/names.ts";
import { release } from "../chart/install.ts";
import { apply, kubectl, mustKubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import type { Output } from "../cluster/run.ts";
import { canaryFor } from "../e2e/scenario.ts";

export const controller = `system:serviceaccount:${release.namespace}:${release.name}`;
export const image = (tag: string): string => `quay.io/stefanprodan/podinfo:${tag}`;

/** The manifest as a team keeps it in git: no marks of ours, nothing that the API server fills in. */
export function manifest(tag: string, env: Record<string, string> = {}): object {
  const container = {
    name: "podinfod",
    image: image(tag),
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "podinfo", labels: { app: "podinfo" } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "podinfo" } },
      template: { metadata: { labels: { app: "podinfo" } }, spec: { containers: [container] } },
    },
  };
}

export class Target {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** In a namespace of its own, running 1.7.0 and gated. */
  async create(): Promise<void> {
    await mustKubectl(["create", "namespace", this.namespace]);
    await apply([manifest("1.7.0", { COLOR: "blue", GONE: "in the next version" })], this.namespace);
    await mustKubectl(["-n", this.namespace, "rollout", "status", "deploy", "podinfo", "--timeout=60s"]);
    await this.asController("label", "deploy", "podinfo", `${label.target}=${(await this.get()).metadata?.uid}`);
  }

  /** A Canary by which the target stays gated, and which does nothing to it. */
  async suspendedCanary(): Promise<void> {
    await apply([canaryFor(this.namespace, { spec: { suspend: true } })]);
  }

  get(): Promise<V1Deployment> {
    return getJson<V1Deployment>(["-n", this.namespace, "deploy", "podinfo"]);
  }

  do(...args: string[]): Promise<Output> {
    return kubectl(["-n", this.namespace, ...args]);
  }

  asController(...args: string[]): Promise<string> {
    return mustKubectl(["-n", this.namespace, "--as", controller, ...args]);
  }

  /** kubectl with an object on its standard input, such as `replace -f -`. */
  send(object: object, ...args: string[]): Promise<Output> {
    return kubectl(["-n", this.namespace, ...args, "-f", "-"], { input: JSON.stringify(object) });
  }

  async podUids(): Promise<string> {
    return mustKubectl([
      "-n",
      this.namespace,
      "get",
      "pods",
      "-l",
      "app=podinfo",
      "-o",
      "jsonpath={.items[*].metadata.uid}",
    ]);
  }

  /** The controller lets go of the held version, or of whatever else is held: back to 1.7.0, gated and not held. */
  async reset(): Promise<void> {
    const held = await this.get();
    const { [label.target]: target = "", app = "" } = held.metadata?.labels ?? {};
    // A patch names no resourceVersion: the Deployment's own controller may still be writing the status of the last test.
    const patch = [
      { op: "add", path: "/metadata/labels", value: { app, [label.target]: target } },
      { op: "add", path: "/spec/paused", value: false },
      { op: "add", path: "/spec/template", value: (manifest("1.7.0") as V1Deployment).spec!.template },
    ];
    const args = ["-n", this.namespace, "--as", controller, "patch", "deploy", "podinfo", "--type=json"];
    await mustKubectl([...args, "-p", JSON.stringify(patch)]);
    await mustKubectl(["-n", this.namespace, "rollout", "status", "deploy", "podinfo", "--timeout=60s"]);
  }
}
