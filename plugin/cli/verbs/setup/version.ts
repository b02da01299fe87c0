/** `kubectl canary version`. */
import { isSet, outputOf, outputOption, type Verb } from "../../verb.ts";

export const versionVerb: Verb = {
  name: "version",
  summary: "Show the versions of this plugin, the controller and the API server",
  flags: (parser) =>
    parser
      .option("client", { type: "boolean", describe: "Only this plugin's; asks no cluster" })
      .option("output", outputOption(["json", "yaml"])),
  run: async (values, { io, connect }) => {
    const { version } = await import("../../../commands/version/version.ts");
    return version({ output: outputOf(values), clientOnly: isSet(values, "client") }, io, () => connect(values));
  },
};
