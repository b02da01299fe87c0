/** `kubectl canary stats`. */
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { durationFlag } from "../../cluster/flags.ts";
import { isSet, outputOf, outputOption, textFlag, textOf, type Values, type Verb, withName } from "../verb.ts";

export const statsVerb: Verb = {
  name: "stats",
  positionals: "<name>",
  summary: "Show success rate, rps and latency of both tracks; with a flag below, asked of Prometheus just now",
  flags: (parser) =>
    withName(parser)
      .option("from", textFlag("As the proxies of this caller counted: deploy/load, or deploy/load.NAMESPACE"))
      .option("window", textFlag("Over this time (default: what the controller judges by)"))
      .option("show-query", { type: "boolean", describe: "Print the queries, to be asked by hand" })
      .option("output", outputOption(["json", "yaml", "wide"]))
      .example("$0 stats podinfo -n test --from deploy/load", ""),
  run: async (values, { connect }) => {
    const given = textOf(values, "window");
    const window = given === undefined ? undefined : Math.round(durationFlag("window", given) / 1_000);
    if (window !== undefined && window < 20)
      throw new Refusal("--window must hold two scrapes: 20s or more.", exitCode.usage);
    const caller = textOf(values, "from");
    const { stats } = await import("../../commands/stats.ts");
    const session = await connect(values);
    const from = caller === undefined ? undefined : callerOf(caller, session.scope.namespace);
    const output = outputOf(values);
    return stats({ name: nameOf(values), from, window, showQuery: isSet(values, "show-query"), output }, session);
  },
};

const nameOf = (values: Values): string => textOf(values, "name") ?? "";

function callerOf(text: string, here: string): { namespace: string; deployment: string } {
  const [, deployment, namespace = here] =
    /^(?:deploy(?:ment)?s?\/)?([a-z0-9][-a-z0-9]*)(?:\.([a-z0-9][-a-z0-9]*))?$/.exec(text) ?? [];
  if (deployment) return { namespace, deployment };
  throw new Refusal(`--from "${text}": give deploy/NAME, or deploy/NAME.NAMESPACE.`, exitCode.usage);
}
