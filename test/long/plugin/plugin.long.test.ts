// The plugin beside a real controller: a person follows, pauses, promotes, and goes back to a version that was promoted before.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { getJson } from "../../cluster/get.ts";
import { Scenario } from "../../e2e/scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-plugin", {
    provider: "gatewayapi:v1",
    replicas: 2,
    analysis: { interval: "2s", stepWeight: 50 },
  });
});
afterAll(() => scenario.end());

/** Exit code, and stdout where it is 0. */
async function ask(verb: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await scenario.plugin(verb, ...flags);
  return code === 0 ? stdout : `${code} ${stdout}${stderr}`;
}

describe("a run, followed by the plugin", () => {
  it("is awaited from before it begins, paused, explained and resumed", async () => {
    const step = ask("wait", "--for=step=1", "--for-image", "podinfo:1.7.1", "--timeout", "90s");
    await scenario.setImage("1.7.1");
    expect(await step).toMatch(/^podinfo: step [12] of 2 /);
    expect(await ask("pause", "--reason", "looking")).toMatch(
      /^podinfo: podinfo:1\.7\.1 stays at weight \d+ until it is resumed/,
    );
    expect(await ask("wait", "--for=paused", "--timeout", "30s")).toMatch(/^podinfo: paused: /);
    expect(await ask("wait", "--for=promoted", "--timeout", "30s")).toMatch(/^4 podinfo: waits for a person: /);
    expect(await ask("status", "--exit-code", "-o", "name")).toMatch(/^4 canary/);
    expect(await ask("explain")).toMatch(/It does not move: paused by \S+ \(looking\)/);
    expect(await ask("diff")).toMatch(/^-.*image: .*podinfo:1\.7\.0\n\+.*image: .*podinfo:1\.7\.1$/m);
    expect(await ask("resume")).toContain("goes on at step");
  });

  it("ends by the verdict that wait gives, and is in the history with who asked for it", async () => {
    expect(await ask("wait", "--for-image", "podinfo:1.7.1", "--timeout", "120s")).toMatch(
      /^podinfo: promoted: .*1\.7\.1/,
    );
    await scenario.setImage("1.7.4");
    expect(await ask("wait", "--timeout", "120s")).toMatch(/^podinfo: promoted: .*1\.7\.4/);
    const lines = (await ask("history")).split("\n");
    expect(lines.filter((line) => line.includes("promoted")).map((line) => /podinfo:[\d.]+/.exec(line)?.[0])).toEqual([
      "podinfo:1.7.4",
      "podinfo:1.7.1",
    ]);
    expect(await ask("events")).toContain("Promotion completed!");
  });

  it("of a version that was promoted before begins by undo --to, held and canaried like any change", async () => {
    expect(await ask("undo", "--to", "podinfo:1.7.1")).toMatch(
      /^podinfo: deployment\/podinfo is set to \S+podinfo:1\.7\.1 \(run \S+, promoted .*\) again: it is held, and a canary run of it starts\.\n$/,
    );
    const target = await getJson<{ metadata: { labels: Record<string, string> } }>([
      "deploy",
      "podinfo",
      "-n",
      scenario.namespace,
    ]);
    expect(target.metadata.labels[label.held]).toBeDefined();
    expect(await ask("wait", "--for=step=1", "--timeout", "90s")).toMatch(/^podinfo: step [12] of 2 /);
    expect(await ask("rollback", "--reason", "seen enough")).toContain("all traffic goes to stable");
    expect(await ask("wait", "--for=failed", "--timeout", "60s")).toMatch(
      /^podinfo: rejected: .*rolled back by .*seen enough/,
    );
    expect(await ask("wait", "--for=promoted")).toMatch(/^3 podinfo: rejected: /);
    expect(await ask("status")).toMatch(/^. rolled back; stable serves every request; rejected \S+podinfo:1\.7\.1\n/);
  });
});
