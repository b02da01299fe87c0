/** `kubectl canary wait`. */
import { type Awaited, conditions } from "../../commands/wait/conditions.ts";
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { durationFlag } from "../../cluster/flags.ts";
import { outputOf, outputOption, textFlag, textOf, type Verb, withName } from "../verb.ts";

export const waitVerb: Verb = {
  name: "wait",
  positionals: "<name>",
  summary: "Wait for the verdict on a change, with an exit code for each",
  flags: (parser) =>
    withName(parser)
      .option("for", textFlag("promoted, failed, paused, step=N or initialized", { default: "promoted" }))
      .option("for-image", textFlag("Only a version with this image counts, as podinfo:1.7.1"))
      .option("timeout", textFlag("How long to wait; 0: look once", { default: "10m" }))
      .option("output", outputOption(["json", "yaml", "name"]))
      .example("$0 wait podinfo -n test --for=promoted --for-image podinfo:1.7.1", "")
      .epilogue(
        "Exit codes: 0 it came about; 3 rolled back or failed; 4 waits for a person; 5 timeout; 6 something else came about instead, such as another change; 7 no such Canary; 130 interrupted.",
      ),
  run: async (values, { connect }) => {
    const awaited = parseFor(textOf(values, "for") ?? "promoted");
    const timeoutMs = durationFlag("timeout", textOf(values, "timeout") ?? "10m");
    const { wait } = await import("../../commands/wait/wait.ts");
    const { deps, scope } = await connect(values);
    const name = textOf(values, "name") ?? "";
    return wait(
      { ...awaited, name, image: textOf(values, "for-image"), timeoutMs, output: outputOf(values) },
      deps,
      scope,
    );
  },
};

// --- internal ---

function parseFor(text: string): Awaited {
  const condition = conditions.find((known) => known === text);
  if (condition) return { condition };
  const [, step] = /^step=([1-9]\d{0,5})$/.exec(text) ?? [];
  if (step) return { condition: "step", step: Number(step) };
  throw new Refusal(`--for "${text}": only ${conditions.join(", ")} and step=N are known.`, exitCode.usage);
}
