/** `kubectl canary diff NAME`: the pod template that is stable against the one that the Deployment asks for. */
import type { V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { label } from "../../../shared/core/objects/names.ts";
import { describeChange, imagesOf } from "../../../shared/core/objects/pod-template.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { missingPermission, Refusal } from "../../errors.ts";
import { findCanary } from "../../cluster/find-canary.ts";
import { imagesText } from "../../view/images.ts";
import { diffLines } from "./unified.ts";
import { type OutputFormat, printObject } from "../../render/output.ts";
import { paint, printable, type Style, styleOf, type Tone } from "../../terminal/style.ts";
import { toYaml } from "../../render/yaml.ts";

export interface DiffArgs {
  name: string;
  /** Exit with 1 where there is a difference, as diff does. */
  exitCode: boolean;
  output: OutputFormat;
}

export interface DiffView {
  apiVersion: "kubectl-canary/v1";
  kind: "DiffView";
  name: string;
  namespace: string;
  stable: { source: string; hash: string; template: V1PodTemplateSpec };
  intent: { source: string; hash: string; template: V1PodTemplateSpec };
  different: boolean;
  /** A few words: `image podinfod 1.7.0 -> 1.7.1`. */
  summary: string;
  /** Unified, of the templates as YAML; empty where they mean the same. */
  lines: string[];
}

export async function diff(args: DiffArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const view = await compare(canary, deps);
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, deps.stdout);
  else if (view.different) deps.stdout.write(renderDiff(view, styleOf(deps.stdout, deps.env)));
  else deps.stderr.write(`No difference: ${view.intent.source} asks for what is stable.\n`);
  return args.exitCode && view.different ? exitCode.error : exitCode.ok;
}

export function viewDiff(canary: Canary, stable: V1ReplicaSet, target: V1Deployment): DiffView {
  const [before, after] = [plain(stable.spec?.template), plain(target.spec?.template)];
  const [from, to] = [hashTemplate(before), hashTemplate(after)];
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "DiffView",
    name: canary.metadata.name ?? "",
    namespace: canary.metadata.namespace ?? "",
    stable: { source: `replicaset/${stable.metadata?.name}`, hash: from, template: before },
    intent: { source: `deployment/${target.metadata?.name}`, hash: to, template: after },
    different: from !== to,
    summary: describeChange(before, after),
    lines: from === to ? [] : diffLines(toYaml(before), toYaml(after)),
  };
}

export function renderDiff(view: DiffView, style: Style): string {
  const head = (side: DiffView["stable"]): string => `${imagesText(imagesOf(side.template))} (${side.source})`;
  const lines = [
    paint(style, "strong", printable(`--- stable ${head(view.stable)}`)),
    paint(style, "strong", printable(`+++ asked for ${head(view.intent)}`)),
    ...view.lines.map((line) => paint(style, tones[line[0] ?? ""] ?? "plain", control(line))),
  ];
  return `${lines.join("\n")}\n`;
}

// --- internal ---

const tones: Record<string, Tone> = { "-": "bad", "+": "good", "@": "busy" };

/** Indentation stays. */
const control = (line: string): string =>
  (line[0] ?? "") + line.slice(1).replaceAll(/[\u0000-\u001f\u007f-\u009f]/gu, " ");

async function compare(canary: Canary, deps: Deps): Promise<DiffView> {
  const { namespace = "" } = canary.metadata;
  const name = canary.spec.targetRef.name;
  const [target, stable] = await Promise.all([
    allowed(deps.cluster.get<V1Deployment>(resource.deployments, { name, namespace })),
    stableSet(canary, deps),
  ]);
  return viewDiff(canary, stable, target);
}

async function stableSet(canary: Canary, { cluster }: Deps): Promise<V1ReplicaSet> {
  const { namespace = "" } = canary.metadata;
  const hash = canary.status?.stable?.podTemplateHash;
  const name = canary.spec.targetRef.name;
  if (!hash)
    throw new Refusal(
      `Nothing is stable yet: ${canary.status?.reason ?? "the controller has not looked at this Canary."}`,
    );
  const labelSelector = `${label.podTemplateHash}=${hash}`;
  const { items } = await allowed(cluster.list<V1ReplicaSet>(resource.replicaSets, { namespace, labelSelector }));
  const found = items.find(({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.name === name));
  if (found) return found;
  throw new Refusal(
    `The ReplicaSet of the stable version (${name}-${printable(hash)}) is gone: there is nothing to compare with.`,
  );
}

async function allowed<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const permission = missingPermission(error);
    if (permission) throw new Refusal(`You may not compare the templates: ${permission}.`);
    throw error;
  }
}

/** Without what Kubernetes adds to a ReplicaSet's. */
function plain(template: V1PodTemplateSpec | undefined): V1PodTemplateSpec {
  const { creationTimestamp: _, labels, ...metadata } = template?.metadata ?? {};
  const own = Object.entries(labels ?? {}).filter(([key]) => key !== label.podTemplateHash);
  return {
    metadata: { labels: Object.fromEntries(own), ...metadata },
    ...(template?.spec ? { spec: template.spec } : {}),
  };
}
