/** `kubectl canary watch`. */
import { outputFormats } from "../../render/output.ts";
import { describeName, isSet, outputOf, outputOption, textFlag, textOf, type Verb } from "../verb.ts";

export const watchVerb: Verb = {
  name: "watch",
  positionals: "[name]",
  summary: "Show the status as it changes, until Ctrl-C; one line a change off a terminal",
  flags: (parser) =>
    parser
      .positional("name", { type: "string", describe: `${describeName}; without: all of the namespace` })
      .option("all-namespaces", { alias: "A", type: "boolean", describe: "All Canaries of all namespaces" })
      .option("selector", textFlag("Only those with these labels", { alias: "l" }))
      .conflicts("all-namespaces", "name")
      .conflicts("selector", "name")
      .option("output", outputOption(outputFormats))
      .example("$0 watch podinfo -n test", "")
      .example("$0 watch -A -o json", ""),
  run: async (values, { connect }) => {
    const { watch } = await import("../../commands/watch/watch.ts");
    const { deps, scope } = await connect(values);
    const selection = { allNamespaces: isSet(values, "all-namespaces"), selector: textOf(values, "selector") };
    return watch({ name: textOf(values, "name"), ...selection, output: outputOf(values) }, deps, scope);
  },
};
