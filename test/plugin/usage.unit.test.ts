/** What the command line says before any cluster is asked: help, usage errors, a kubeconfig that chooses nothing. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../plugin/cli/cli.ts";
import type { Env } from "../../plugin/context.ts";
import { openSession } from "../../plugin/cluster/session.ts";
import { verbs } from "../../plugin/cli/verbs.ts";
import { clientVersion } from "../../plugin/build-info.ts";
import { aTerminal } from "./fixtures/terminal.ts";

let dir = "";
const file = (name: string): string => join(dir, name);

const kubeconfig = (current: string): string => `
apiVersion: v1
kind: Config
clusters: [{ name: east, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: alice, user: { token: t } }]
contexts: [{ name: blue, context: { cluster: east, user: alice } }, { name: green, context: { cluster: east, user: alice } }]
${current}
`;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "plugin-usage-"));
  await writeFile(file("whole"), kubeconfig("current-context: blue"));
  await writeFile(file("undecided"), kubeconfig(""));
  await writeFile(file("broken"), "clusters: [");
  await writeFile(file("empty"), "");
});
afterAll(() => rm(dir, { recursive: true }));

async function run(argv: string[], env: Env = {}): Promise<{ code: number; out: string; err: string }> {
  const io = aTerminal({ env: { HOME: dir, ...env } });
  const code = await runCli(argv, io, (flags) => openSession(flags, io, new AbortController().signal));
  return { code, out: io.out(), err: io.err() };
}

describe("the command line", () => {
  it("prints its help on stdout when nothing is asked of it", async () => {
    const { code, out, err } = await run([]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    await expect(out).toMatchFileSnapshot("golden/help.txt");
  });

  it.each(verbs.filter(({ summary }) => summary !== false).map(({ name }) => name))(
    "prints the help of %s",
    async (verb) => {
      const { code, out } = await run([verb, "--help"]);
      expect(code).toBe(0);
      await expect(out).toMatchFileSnapshot(`golden/help-${verb}.txt`);
    },
  );

  it.each([
    [["prmote", "x"], 'Unknown verb "prmote". Did you mean promote?\nSee kubectl canary --help'],
    [["frobnicate"], 'Unknown verb "frobnicate".\nSee kubectl canary --help'],
    [["-n", "test"], "Which verb?\nSee kubectl canary --help"],
    [["promote"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["rollback"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["pause"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["resume"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["retry"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["adopt"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["undo"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["explain"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["history"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["diff"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["events"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["wait"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [
      ["wait", "x", "--for", "step=0"],
      '--for "step=0": only promoted, failed, paused, initialized and step=N are known.',
    ],
    [["wait", "x", "--timeout", "soon"], '--timeout "soon" is not a duration such as 10s or 2m.'],
    [["promote", "x", "--to-step", "0"], '--to-step "0" is not a whole number of at least 1.'],
    [["promote", "x", "--to-step", "two"], '--to-step "two" is not a whole number of at least 1.'],
    [
      ["promote", "x", "--to-step", "2", "--full"],
      "Arguments full and to-step are mutually exclusive.\nSee kubectl canary --help",
    ],
    [["pause", "x", "--for", "0s"], '--for "0s" is not a duration such as 90s, 30m or 2h.'],
    [["pause", "x", "--for", "1d"], '--for "1d" is not a duration such as 90s, 30m or 2h.'],
    [["history", "x", "--limit", "-1"], '--limit "-1" is not a whole number of at least 1.'],
    [["undo", "x", "--to", ""], "--to is empty: give an image, a hash or a run of kubectl canary history."],
    [
      ["undo", "x", "--to", "podinfo:1.7.0", "--timeout", "10s"],
      "--timeout does not go with --to: that sets the Deployment itself, and no controller is asked.",
    ],
    [["stats"], "Which Canary? Give its name, or deploy/NAME.\nSee kubectl canary --help"],
    [["stats", "x", "--window", "5s"], "--window must hold two scrapes: 20s or more."],
    [["stats", "x", "--from", "svc/load"], '--from "svc/load": give deploy/NAME, or deploy/NAME.NAMESPACE.'],
    [["doctor", "x", "--fix"], "Unknown argument: fix.\nSee kubectl canary --help"],
    [["watch", "x", "-A"], "Arguments all-namespaces and name are mutually exclusive.\nSee kubectl canary --help"],
    [
      ["explain", "x", "-o", "name"],
      'Invalid values: Argument: output, Given: "name", Choices: "wide", "json", "yaml".\nSee kubectl canary --help',
    ],
    [["status", "a", "b"], "Unknown argument: b.\nSee kubectl canary --help"],
    [["list", "a"], "Unknown argument: a.\nSee kubectl canary --help"],
    [["version", "--short"], "Unknown argument: short.\nSee kubectl canary --help"],
    [["status", "-n"], "Not enough arguments following: n.\nSee kubectl canary --help"],
    [["promote", "x", "--timeout", "soon"], '--timeout "soon" is not a duration such as 10s or 2m.'],
    [["status", "--request-timeout", "-1"], '--request-timeout "-1" is not a duration such as 10s or 2m.'],
  ])("refuses %j with exit code 2", async (argv, message) => {
    expect(await run(argv, { KUBECONFIG: file("whole") })).toEqual({ code: 2, out: "", err: `error: ${message}\n` });
  });

  it.each([
    [["status", "svc/podinfo"], '"svc/podinfo": only canary/NAME and deployment/NAME (or deploy/NAME) are known.'],
    [
      ["status", "Pod_Info"],
      '"Pod_Info" is not a name that Kubernetes allows: lower case letters, digits, "-" and ".", at most 253.',
    ],
    [["promote", "../secrets"], '"../secrets": only canary/NAME and deployment/NAME (or deploy/NAME) are known.'],
    [["status", "x", "--as-group", "g"], "--as-group and --as-uid need --as, the user to act as."],
    [["status", "x", "--context", "red"], 'The kubeconfig has no context "red"; it has: blue, green.'],
    [["status", "x", "--cluster", "west"], 'The kubeconfig has no cluster "west"; it has: east.'],
    [["status", "x", "--user", "bob"], 'The kubeconfig has no user "bob"; it has: alice.'],
  ])("refuses %j with exit code 2, by the kubeconfig", async (argv, message) => {
    expect(await run(argv, { KUBECONFIG: file("whole") })).toEqual({ code: 2, out: "", err: `error: ${message}\n` });
  });

  it.each([
    [
      "undecided",
      'The kubeconfig has no current-context. Choose one with --context or "kubectl config use-context": blue, green.',
    ],
    ["empty", "No cluster to talk to: FILE names no context. Set KUBECONFIG, or give --kubeconfig or --server."],
    ["absent", "No cluster to talk to: FILE is not there. Set KUBECONFIG, or give --kubeconfig or --server."],
  ])("says what is wrong with a kubeconfig that is %s", async (name, message) => {
    const { code, err } = await run(["status", "x"], { KUBECONFIG: file(name) });
    expect({ code, err }).toEqual({ code: 2, err: `error: ${message.replace("FILE", file(name))}\n` });
  });

  it("says which kubeconfig cannot be read, and why", async () => {
    const broken = await run(["list", "--kubeconfig", file("broken")]);
    expect(broken.code).toBe(2);
    expect(broken.err).toMatch(/^error: Kubeconfig \S+\/broken cannot be read: [^\n]+\n$/);
    const absent = await run(["list", "--kubeconfig", file("absent")]);
    expect(absent.err).toBe(`error: Kubeconfig ${file("absent")} cannot be read: there is no such file.\n`);
  });

  it("tells that nobody answers at the API server's address", async () => {
    const { code, err } = await run(["status", "x"], { KUBECONFIG: file("whole") });
    expect(code).toBe(1);
    expect(err).toBe(
      'error: No answer from the API server at https://127.0.0.1:1 (connection refused). Is the cluster running, and is the context "blue" the one you mean?\n',
    );
  });

  it("names no context and no user where the flags alone choose the cluster", async () => {
    const { code, err } = await run(["status", "x", "-s", "https://127.0.0.1:1"], { KUBECONFIG: file("absent") });
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: No answer from the API server at https://127.0.0.1:1 (connection refused). Is the cluster running, and is the address the one you mean?\n",
    });
  });

  it("prints its own version although there is no cluster, and fails all the same", async () => {
    const { code, out, err } = await run(["version"], { KUBECONFIG: file("absent") });
    const line = `Client:      ${clientVersion().version}   commit unknown (run from its sources)\n`;
    expect({ code, out }).toEqual({ code: 2, out: line });
    expect(err).toContain("No cluster to talk to");
    expect(await run(["version", "--client"])).toMatchObject({ code: 0, err: "" });
  });

  it("breaks an error's words at the terminal's edge, and no command that is to be pasted", async () => {
    const io = aTerminal({ columns: 60, env: { HOME: dir, KUBECONFIG: file("undecided") } });
    await runCli(["status"], io, (flags) => openSession(flags, io, new AbortController().signal));
    expect(
      io
        .err()
        .split("\n")
        .every((line) => line.length <= 60),
    ).toBe(true);
  });
});
