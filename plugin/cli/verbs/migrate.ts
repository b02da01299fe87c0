/** `kubectl canary migrate`. */
import { durationFlag } from "../../cluster/flags.ts";
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { describeName, isSet, textFlag, textOf, type Verb } from "../verb.ts";

export const migrateVerb: Verb = {
  name: "migrate",
  positionals: "[name]",
  summary: "Take Canaries over from Flagger without a failed request, or give them back",
  flags: (parser) =>
    parser
      .positional("name", { type: "string", describe: describeName })
      .option("all", { type: "boolean", describe: "Every Canary of the namespace" })
      .option("all-namespaces", { alias: "A", type: "boolean", describe: "Every Canary of all namespaces" })
      .option("dry-run", { type: "boolean", describe: "Say what would be written, and write nothing" })
      .option("back", { type: "boolean", describe: "From kubectl-canary to Flagger" })
      .option("timeout", textFlag("Give a Canary up when nothing has moved for this long (default: 10m)"))
      .example("$0 migrate podinfo -n test --dry-run", "")
      .example("$0 migrate -n test --all", ""),
  run: async (values, { connect }) => {
    const name = textOf(values, "name");
    const allNamespaces = isSet(values, "all-namespaces");
    const isMany = allNamespaces || isSet(values, "all");
    if ((name === undefined) !== isMany)
      throw new Refusal("migrate needs the name of a Canary, or --all, or --all-namespaces.", exitCode.usage);
    const timeoutMs = durationFlag("timeout", textOf(values, "timeout") ?? "10m");
    const { migrate } = await import("../../commands/migrate/migrate.ts");
    const { deps, scope } = await connect(values);
    const args = { name, allNamespaces, dryRun: isSet(values, "dry-run"), back: isSet(values, "back"), timeoutMs };
    return migrate(args, deps, scope);
  },
};
