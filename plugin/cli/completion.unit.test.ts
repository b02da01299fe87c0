import { describe, expect, it } from "vitest";
import { clusterOptions } from "../cluster/flags.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { aTerminal } from "../../test/plugin/fixtures/terminal.ts";
import type { ClusterFlags } from "../cluster/flags.ts";
import { complete } from "./completion.ts";
import { verbs } from "./verbs.ts";

/** What is offered, and the flags with which the cluster was asked for. */
async function completed(...words: string[]): Promise<{ offered: string[]; asked: ClusterFlags | undefined }> {
  const io = aTerminal();
  let asked: ClusterFlags | undefined;
  await complete(words, io, (flags) => {
    asked = flags;
    return Promise.reject(new CanaryError("Unreachable", "no cluster here"));
  });
  return { offered: io.out().split("\n").slice(0, -2), asked };
}

const offered = async (...words: string[]): Promise<string[]> => (await completed(...words)).offered;

const everyVerb = ["--namespace", "--context", "--kubeconfig", "--controller-namespace", "--help"];

describe("the completion of flags", () => {
  it.each([
    ["promote", ["--reason", "--timeout", "--if-run", "--full", "--to-step", "--force"]],
    ["pause", ["--reason", "--timeout", "--if-run", "--for"]],
    ["retry", ["--reason", "--timeout"]],
    ["undo", ["--reason", "--timeout", "--to", "--now"]],
    ["wait", ["--for", "--for-image", "--timeout", "--output"]],
    ["list", ["--all-namespaces", "--selector", "--output"]],
    ["ls", ["--all-namespaces", "--selector", "--output"]],
    ["init", ["--dry-run"]],
    ["completion", []],
  ])("offers %s its own and those of every verb", async (verb, own) =>
    expect(new Set(await offered(verb, "podinfo", "--"))).toEqual(new Set([...own, ...everyVerb])),
  );

  it.each(verbs.map((verb) => [verb.name, verb] as const))(
    "offers every flag in the help of %s",
    async (name, verb) => {
      const io = aTerminal();
      const { runCli } = await import("./cli.ts");
      await runCli([name, "--help"], io, () => Promise.reject(new Error("asks no cluster")));
      const inHelp = [...io.out().matchAll(/^ +(?:-\w, )?(--[a-z-]+) /gm)].map(([, flag]) => flag);
      expect(inHelp).not.toEqual([]);
      expect(new Set(await offered(verb.name, "--"))).toEqual(new Set(inHelp));
    },
  );

  it("offers no flag twice, but one that may be repeated", async () => {
    expect(await offered("promote", "podinfo", "-n", "test", "--force", "--n")).toEqual([]);
    expect(await offered("promote", "podinfo", "--reason=x", "--re")).toEqual(["--request-timeout"]);
    expect(await offered("status", "--as-group", "a", "--as-g")).toEqual(["--as-group"]);
  });

  it("offers the flags that the help leaves out once their first letter is typed", async () =>
    expect(await offered("status", "--as")).toEqual(["--as", "--as-group", "--as-uid"]));
});

describe("the completion of words", () => {
  const flagsThatTakeAValue = Object.entries(clusterOptions).filter(([, { type }]) => type === "string");

  it.each(flagsThatTakeAValue.map(([name]) => name))("goes on behind --%s and its value", async (name) => {
    expect(await offered(`--${name}`, "x", "prom")).toEqual(["promote"]);
    expect(await offered(`--${name}=x`, "prom")).toEqual(["promote"]);
    expect(await offered("--insecure-skip-tls-verify", `--${name}`, "x", "wait", "y", "--for", "fa")).toEqual([
      "failed",
    ]);
  });

  it("goes on behind a flag that takes no value", async () => {
    expect(await offered("--insecure-skip-tls-verify", "prom")).toEqual(["promote"]);
    expect(await offered("completion", "--insecure-skip-tls-verify", "z")).toEqual(["zsh"]);
    expect((await completed("status", "--exit-code", "--insecure-skip-tls-verify", "po")).asked).toMatchObject({
      "insecure-skip-tls-verify": true,
    });
  });

  it("asks the cluster that the flags choose", async () => {
    const words = [
      "status",
      "-n",
      "a",
      "-n",
      "b",
      "--as",
      "al",
      "--as-group",
      "x",
      "--as-group",
      "y",
      "--context=c",
      "po",
    ];
    expect((await completed(...words)).asked).toEqual({
      namespace: "b",
      as: "al",
      "as-group": ["x", "y"],
      context: "c",
      "request-timeout": "3s",
    });
  });

  it("takes what a verb restricts a flag or its argument to", async () => {
    expect(await offered("wait", "podinfo", "-o", "")).toEqual(["json", "yaml", "name"]);
    expect(await offered("explain", "podinfo", "--output=")).toEqual(["wide", "json", "yaml"]);
    expect(await offered("completion", "")).toEqual(["bash", "zsh", "fish", "kubectl"]);
  });

  it("offers nothing behind the last argument, nor for a verb without one", async () => {
    expect(await completed("status", "podinfo", "")).toEqual({ offered: [], asked: undefined });
    expect(await completed("list", "")).toEqual({ offered: [], asked: undefined });
    expect(await completed("promote", "podinfo", "--reason", "")).toEqual({ offered: [], asked: undefined });
  });
});
