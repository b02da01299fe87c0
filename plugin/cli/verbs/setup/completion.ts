/** `kubectl canary completion`. */
import { exitCode } from "../../../context.ts";
import { textOf, type Verb } from "../../verb.ts";

export const completionVerb: Verb = {
  name: "completion",
  positionals: "<shell>",
  summary: "Print a script that completes verbs, names, namespaces and steps",
  flags: (parser) =>
    parser
      .positional("shell", { choices: ["bash", "zsh", "fish", "kubectl"] as const, demandOption: true })
      .example("source <($0 completion bash)", "for this shell")
      .example("$0 completion kubectl > ~/bin/kubectl_complete-canary", "for kubectl's own completion"),
  run: async (values, { io }) => {
    const { scripts } = await import("../../completion-scripts.ts");
    io.stdout.write(scripts[textOf(values, "shell") as keyof typeof scripts]);
    return exitCode.ok;
  },
};
