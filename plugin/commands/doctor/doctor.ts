/** `kubectl canary doctor [NAME]`: what is wrong, what shows it, and what fixes it. */
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { parseArgument, requireNamespace } from "../../cluster/find-canary.ts";
import { nearest } from "../../did-you-mean.ts";
import { type OutputFormat, printObject } from "../../render/output.ts";
import type { Session } from "../../cluster/session.ts";
import { styleOf } from "../../terminal/style.ts";
import { diagnose } from "./diagnose.ts";
import { type DoctorView, nameOf } from "./facts.ts";
import { renderDoctor } from "./render.ts";
import { type Survey, factsOf, survey } from "./survey.ts";

export interface DoctorArgs {
  /** Without a name: every Canary of the namespace. */
  name?: string | undefined;
  output: OutputFormat;
}

export async function doctor(args: DoctorArgs, session: Session): Promise<number> {
  const { deps } = session;
  const view = await examine(args.name, session);
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, deps.stdout);
  else deps.stdout.write(renderDoctor(view, styleOf(deps.stdout, deps.env)));
  return view.sound ? exitCode.ok : exitCode.error;
}

// --- internal ---

async function examine(name: string | undefined, { deps, scope, forward }: Session): Promise<DoctorView> {
  if (name !== undefined) parseArgument(name);
  await requireNamespace(deps.cluster, scope.namespace);
  const seen = await survey(deps, scope, forward);
  const targets = name === undefined ? everyTarget(seen) : [targetOf(name, seen)];
  const findings = targets.flatMap((target) =>
    diagnose(factsOf(seen, target)).map((finding) => ({ target: target && `deployment/${target}`, ...finding })),
  );
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "DoctorView",
    namespace: scope.namespace,
    sound: !findings.some(({ level }) => level === "broken"),
    targets: targets.filter((target) => target !== "").map((target) => `deployment/${target}`),
    findings: once(findings),
    unread: seen.unread,
  };
}

/** Without any Canary the installation is looked at all the same, by a target that has no name. */
function everyTarget({ canaries, scope }: Survey): string[] {
  const targets = [...new Set((canaries ?? []).map(({ spec }) => spec.targetRef.name))].sort();
  if (targets.length > 0 || !canaries) return targets.length > 0 ? targets : [""];
  throw new Refusal(
    `Namespace "${scope.namespace}" has no Canary. Name a Deployment:\n  kubectl canary doctor deploy/NAME -n ${scope.namespace}${scope.clusterFlags}`,
    exitCode.notFound,
  );
}

function targetOf(argument: string, { canaries, deployments, scope }: Survey): string {
  const { kind, name } = parseArgument(argument);
  const canary = kind === "canary" ? canaries?.find((candidate) => nameOf(candidate) === name) : undefined;
  if (canary) return canary.spec.targetRef.name;
  const known = [
    ...(deployments ?? [{ metadata: { name } }]).map(nameOf),
    ...(canaries ?? []).map(({ spec }) => spec.targetRef.name),
  ];
  if (known.includes(name)) return name;
  const near = nearest(name, known);
  const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
  throw new Refusal(
    `Neither a Canary nor a Deployment "${name}" is in namespace "${scope.namespace}".${hint}`,
    exitCode.notFound,
  );
}

/** What is wrong with the installation is wrong with every Canary; it is said once. */
function once(findings: DoctorView["findings"]): DoctorView["findings"] {
  const said = new Set<string>();
  return findings.filter(({ fault, what, evidence }) => {
    const key = JSON.stringify([fault, what, evidence]);
    const isNew = !said.has(key);
    said.add(key);
    return isNew;
  });
}
