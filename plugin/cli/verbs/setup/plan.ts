/** `kubectl canary plan`. */
import { durationFlag } from "../../../cluster/flags.ts";
import { exitCode } from "../../../context.ts";
import { Refusal } from "../../../errors.ts";
import {
  countFlag,
  describeName,
  isSet,
  outputOf,
  outputOption,
  textFlag,
  textOf,
  type Values,
  type Verb,
} from "../../verb.ts";

export const planVerb: Verb = {
  name: "plan",
  positionals: "[name]",
  summary: "Say how long a release will take and what a bad version would cost, at the traffic of the last hour",
  flags: (parser) =>
    parser
      .positional("name", { type: "string", describe: describeName })
      .option("filename", textFlag("A Canary that is not applied yet: canary.yaml", { alias: "f" }))
      .option("rps", textFlag("Requests per second, instead of asking Prometheus"))
      .option("failures", textFlag("Percent of requests that stable fails"))
      .option("matching", textFlag("Of an A/B test: percent of users' requests that match"))
      .option("scrape-interval", textFlag("How often Prometheus looks (default: what the controller knows, or 10s)"))
      .option("suggest", {
        type: "boolean",
        describe: "Look for steps that cost less, or take less time",
      })
      .option("seed", textFlag("Another seed gives another sample; the same one the same plan (default: 1)"))
      .option("output", outputOption(["json", "yaml"]))
      .example("$0 plan podinfo -n test --suggest", "")
      .example("$0 plan -f canary.yaml --rps 50 --failures 0.1", ""),
  run: async (values, { connect, io }) => {
    const [name, file] = [textOf(values, "name"), textOf(values, "filename")];
    if ((name === undefined) === (file === undefined))
      throw new Refusal("plan needs the name of a Canary, or a file: -f canary.yaml", exitCode.usage);
    const { plan } = await import("../../../commands/plan/plan.ts");
    const scrape = textOf(values, "scrape-interval");
    return plan(
      {
        name,
        file,
        rps: numberFlag(values, "rps", { above: 0, atMost: 1_000_000 }),
        failuresPercent: numberFlag(values, "failures", { above: -1e-9, atMost: 100 }),
        matchingPercent: numberFlag(values, "matching", { above: 0, atMost: 100 }),
        scrapeIntervalMs: scrape === undefined ? undefined : scrapeInterval(scrape),
        seed: countFlag(values, "seed") ?? 1,
        suggest: isSet(values, "suggest"),
        output: outputOf(values),
      },
      io,
      () => connect(values),
    );
  },
};

// --- internal ---

function numberFlag(
  values: Values,
  name: string,
  { above, atMost }: { above: number; atMost: number },
): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && value > above && value <= atMost) return value;
  throw new Refusal(
    `--${name} "${text}" is not a number ${above < 0 ? "from" : "above"} 0 to ${atMost}.`,
    exitCode.usage,
  );
}

function scrapeInterval(text: string): number {
  const ms = durationFlag("scrape-interval", text);
  if (ms >= 1_000) return ms;
  throw new Refusal(`--scrape-interval "${text}" is below 1s.`, exitCode.usage);
}
