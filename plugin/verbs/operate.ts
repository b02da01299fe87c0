/** `kubectl canary promote` and `rollback`: commands that the controller carries out. */
import type { Argv } from "yargs";
import { durationFlag } from "../flags.ts";
import { isSet, textFlag, textOf, type Values, type Verb, type VerbContext, withName } from "../verb.ts";

export const promoteVerb: Verb = {
  name: "promote",
  positionals: "<name>",
  summary: "End the analysis now and roll the change out",
  flags: (parser) =>
    withOperateFlags(parser)
      .option("force", { type: "boolean", describe: "Even if the canary is not ready or its last check failed" })
      .example("$0 promote podinfo -n test --reason 'hotfix, seen by eye'", ""),
  run: (values, context) => operateWith("promote", values, context),
};

export const rollbackVerb: Verb = {
  name: "rollback",
  positionals: "<name>",
  summary: "Give stable every request and reject the change; works in every phase of a run",
  flags: (parser) => withOperateFlags(parser).example("$0 rollback podinfo -n test --reason 'errors in the logs'", ""),
  run: (values, context) => operateWith("rollback", values, context),
};

// --- internal ---

function withOperateFlags(parser: Argv): Argv {
  return withName(parser)
    .option("reason", textFlag("Why, for the history"))
    .option("if-run", textFlag("Only if this run is still going on"))
    .option("timeout", textFlag("How long to wait for the controller's answer", { default: "10s" }));
}

async function operateWith(verb: "promote" | "rollback", values: Values, { connect }: VerbContext): Promise<number> {
  const timeoutMs = durationFlag("timeout", textOf(values, "timeout") ?? "10s");
  const { operate } = await import("../operate.ts");
  const { deps, scope } = await connect(values);
  const args = {
    verb,
    name: textOf(values, "name") ?? "",
    force: isSet(values, "force"),
    reason: textOf(values, "reason"),
    ifRun: textOf(values, "if-run"),
    timeoutMs,
  };
  return operate(args, deps, scope);
}
