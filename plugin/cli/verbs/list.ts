/** `kubectl canary list`. */
import { outputFormats } from "../../render/output.ts";
import { isSet, outputOf, outputOption, textFlag, textOf, type Verb } from "../verb.ts";

export const listVerb: Verb = {
  name: "list",
  aliases: ["ls"],
  summary: "List Canaries, those that need you first",
  flags: (parser) =>
    parser
      .option("all-namespaces", { alias: "A", type: "boolean", describe: "Of all namespaces" })
      .option("selector", textFlag("Only those with these labels", { alias: "l" }))
      .option("output", outputOption(outputFormats)),
  run: async (values, { connect }) => {
    const { listCanaries } = await import("../../commands/list.ts");
    const { deps, scope } = await connect(values);
    const allNamespaces = isSet(values, "all-namespaces");
    return listCanaries({ allNamespaces, selector: textOf(values, "selector"), output: outputOf(values) }, deps, scope);
  },
};
