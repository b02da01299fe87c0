/** `kubectl canary status [NAME]`: where a canary stands, why, what is next, and what a person can do. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { resource } from "../../shared/kube/resources.ts";
import { type Deps, exitCode, type Output, type Scope } from "../context.ts";
import { Refusal } from "../errors.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { listCanaries } from "./list.ts";
import { type OutputFormat, printObject } from "../render/output.ts";
import { renderCanary, renderVerdict } from "../render/canary.ts";
import { styleOf } from "../terminal/style.ts";
import { headlineCode } from "../view/headline.ts";
import { type CanaryView } from "../view/types.ts";
import { look } from "../read/look.ts";

export interface StatusArgs {
  /** Without a name: the namespace's one Canary, or the list of them. */
  name?: string | undefined;
  output: OutputFormat;
  /** Say the verdict by the exit code too. */
  exitCode?: boolean;
}

export async function status(args: StatusArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = args.name === undefined ? await onlyCanary(deps, scope) : await findCanary(args.name, deps, scope);
  if (!canary && args.exitCode) throw new Refusal("--exit-code needs the name of one Canary.", exitCode.usage);
  if (!canary) return listCanaries({ output: args.output, allNamespaces: false }, deps, scope);
  const { view, now } = await look(canary, deps, scope, { tree: args.output !== "name" });
  await print(view, now, { output: args.output, deps });
  return args.exitCode ? headlineCode(view) : exitCode.ok;
}

// --- internal ---

async function print(
  view: CanaryView,
  now: number,
  { output, deps }: { output: OutputFormat; deps: Deps },
): Promise<void> {
  if (output === "json" || output === "yaml") return printObject(view, output, deps.stdout);
  if (output === "name") return void deps.stdout.write(`canary.flagger.app/${view.name}\n`);
  const options = { style: styleOf(deps.stdout, deps.env), now, wide: output === "wide" };
  const text = renderCanary(view, options);
  deps.stdout.write(isTaller(text, deps.stdout) ? `${text}\n${renderVerdict(view, options)}\n` : text);
}

/** Its first line, which says most, has left the terminal by the time that the prompt is back. */
function isTaller(text: string, { isTTY, rows = Infinity }: Output): boolean {
  return isTTY === true && text.split("\n").length > rows;
}

async function onlyCanary(deps: Deps, scope: Scope): Promise<Canary | undefined> {
  const { items } = await deps.cluster.list<Canary>(resource.canaries, { namespace: scope.namespace });
  return items.length === 1 ? items[0] : undefined;
}
