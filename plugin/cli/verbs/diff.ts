/** `kubectl canary diff`. */
import { isSet, outputOf, outputOption, textOf, type Verb, withName } from "../verb.ts";

export const diffVerb: Verb = {
  name: "diff",
  positionals: "<name>",
  summary: "Compare the stable pod template with the one that the Deployment asks for",
  flags: (parser) =>
    withName(parser)
      .option("exit-code", { type: "boolean", describe: "Exit with 1 where there is a difference" })
      .option("output", outputOption(["json", "yaml"]))
      .example("$0 diff podinfo -n test", ""),
  run: async (values, { connect }) => {
    const { diff } = await import("../../commands/diff/diff.ts");
    const { deps, scope } = await connect(values);
    const args = { name: textOf(values, "name") ?? "", exitCode: isSet(values, "exit-code"), output: outputOf(values) };
    return diff(args, deps, scope);
  },
};
