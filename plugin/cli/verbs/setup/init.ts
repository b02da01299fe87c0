/** `kubectl canary init`. */
import { isSet, textOf, type Verb } from "../../verb.ts";

export const initVerb: Verb = {
  name: "init",
  positionals: "<target>",
  summary: "Make a Canary for a Deployment, out of what the cluster says about it",
  flags: (parser) =>
    parser
      .positional("target", { type: "string", demandOption: true, describe: "deploy/podinfo, or podinfo" })
      .option("dry-run", { type: "boolean", describe: "Print it as YAML and create nothing" })
      .example("$0 init deploy/podinfo -n test --dry-run > canary.yaml", ""),
  run: async (values, { connect }) => {
    const { init } = await import("../../../commands/init.ts");
    const { deps, scope } = await connect(values);
    return init({ target: textOf(values, "target") ?? "", dryRun: isSet(values, "dry-run") }, deps, scope);
  },
};
