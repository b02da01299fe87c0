/** `kubectl canary explain`. */
import { isSet, outputOf, outputOption, textOf, type Verb, withName } from "../verb.ts";

export const explainVerb: Verb = {
  name: "explain",
  positionals: "<name>",
  summary: "Say why a canary does not move, on which numbers, and what would let it go on",
  flags: (parser) =>
    withName(parser)
      .option("show-query", { type: "boolean", describe: "The Prometheus query behind each number too" })
      .option("output", outputOption(["wide", "json", "yaml"]))
      .example("$0 explain podinfo -n test", ""),
  run: async (values, { connect }) => {
    const { explain } = await import("../../commands/explain/explain.ts");
    const { deps, scope } = await connect(values);
    const args = {
      name: textOf(values, "name") ?? "",
      showQuery: isSet(values, "show-query"),
      output: outputOf(values),
    };
    return explain(args, deps, scope);
  },
};
