/** `kubectl canary dashboard`. */
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { isSet, textFlag, textOf, type Values, type Verb } from "../verb.ts";

export const dashboardVerb: Verb = {
  name: "dashboard",
  summary: "Serve a page about all Canaries to a browser on this machine, until Ctrl-C",
  flags: (parser) =>
    parser
      .option("all-namespaces", { alias: "A", type: "boolean", describe: "All Canaries of all namespaces" })
      .option("selector", textFlag("Only those with these labels", { alias: "l" }))
      .option("port", textFlag("Port on 127.0.0.1 (default: any that is free)"))
      .option("allow-actions", {
        type: "boolean",
        describe: "Let the page promote, roll back, pause, resume and retry, with your rights; else it only shows",
      })
      .example("$0 dashboard -A", "")
      .example("$0 dashboard -n test --allow-actions", ""),
  run: async (values, { connect }) => {
    const port = portOf(values);
    const { dashboard } = await import("../../dashboard/dashboard.ts");
    const selection = { allNamespaces: isSet(values, "all-namespaces"), selector: textOf(values, "selector") };
    return dashboard({ ...selection, port, allowActions: isSet(values, "allow-actions") }, await connect(values));
  },
};

// --- internal ---

function portOf(values: Values): number {
  const text = textOf(values, "port") ?? "0";
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new Refusal(`--port "${text}" is not a port: a number from 1 to 65535.`, exitCode.usage);
}
