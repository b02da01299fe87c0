/** The exact text of status, explain and watch in each state of a run; a change of any shows as a diff of its golden file. */
import { describe, expect, it } from "vitest";
import { lineOf } from "../../plugin/commands/watch/line.ts";
import { viewExplanation, type ExplainView } from "../../plugin/commands/explain/view.ts";
import { renderCanary } from "../../plugin/render/canary.ts";
import { renderExplanation } from "../../plugin/commands/explain/render.ts";
import type { Style } from "../../plugin/terminal/style.ts";
import { viewCanary } from "../../plugin/view/canary-view.ts";
import { type Seen } from "../../plugin/view/types.ts";
import { renderFrame } from "../../plugin/commands/watch/frame.ts";
import { Screen } from "../../plugin/terminal/screen.ts";
import { states } from "./fixtures/states.ts";
import { VirtualTerminal } from "./fixtures/vt.ts";
import { ago, now, scope } from "./fixtures/seen.ts";

const plain = { colour: false, unicode: true, width: Infinity };
const aWatch = { name: "podinfo", allNamespaces: false, output: "text" } as const;

function text(seen: Seen, more: { wide?: boolean } = {}): string {
  return renderCanary(viewCanary(seen, scope, now), { style: plain, now, ...more });
}

describe("status says where a canary stands", () => {
  for (const [name, seen] of Object.entries(states)) {
    it(`when it is ${name}`, async () => {
      await expect(text(seen)).toMatchFileSnapshot(`golden/status-${name.replaceAll(" ", "-")}.txt`);
    });
  }
});

function explanation(seen: Seen): ExplainView {
  return viewExplanation(seen.canary, viewCanary(seen, scope, now), [anEvent]);
}

const anEvent: ExplainView["events"][number] = {
  name: "podinfo.1",
  type: "Normal",
  reason: "Synced",
  message: "Advance podinfo.test canary weight 20",
  count: 1,
  lastSeenAt: ago(12),
};

describe("explain says why it stands there", () => {
  for (const [name, seen] of Object.entries(states)) {
    it(`when it is ${name}`, async () => {
      const text = renderExplanation(explanation(seen), { style: plain, now });
      await expect(text).toMatchFileSnapshot(`golden/explain-${name.replaceAll(" ", "-")}.txt`);
    });
  }

  it("with what the doctor finds broken, and its cure", () => {
    const found = {
      fault: "caller-unmeshed",
      level: "broken",
      what: "load is not in the mesh",
      evidence: "pod load-1 has no linkerd-proxy",
      cure: "kubectl -n test rollout restart deploy/load",
    } as const;
    const view = { ...explanation(states["held for want of evidence"] as Seen), found };
    const text = renderExplanation(view, { style: { ...plain, width: 60 }, now });
    expect(text).toContain("Found:      load is not in the mesh (pod load-1 has no\n            linkerd-proxy)\n");
    expect(text).toContain("Cure:       kubectl -n test rollout restart deploy/load\n");
  });

  it("on a terminal, in colour and with the queries behind the numbers", async () => {
    const style = { colour: true, unicode: true, width: 100 };
    const text = renderExplanation(explanation(states["held for want of evidence"] as Seen), {
      style,
      now,
      wide: true,
    });
    await expect(text.replaceAll("\u001b", "^")).toMatchFileSnapshot("golden/explain-terminal.txt");
  });

  it("names one cause for each state, and whether it moves by itself", async () => {
    const lines = Object.entries(states).map(([name, seen]) => {
      const { cause } = explanation(seen);
      return `${name}: ${cause.code}, ${cause.moving ? "moves" : "does not move"}\n`;
    });
    await expect(lines.join("")).toMatchFileSnapshot("golden/explain-causes.txt");
  });
});

/** Each state's text in colour and broken at the terminal's edge, escapes made visible. */
function onTerminal(render: (seen: Seen, style: Style) => string): string {
  const style = { colour: true, unicode: true, width: 100 };
  const parts = Object.entries(states).map(([name, seen]) => `### ${name}\n${render(seen, style)}`);
  return parts.join("\n").replaceAll("\u001b", "^");
}

describe("on a terminal, in every state of a run", () => {
  it("status has colours, and lines that fit", async () => {
    const text = onTerminal((seen, style) => renderCanary(viewCanary(seen, scope, now), { style, now }));
    await expect(text).toMatchFileSnapshot("golden/status-on-a-terminal.txt");
  });

  it("explain has colours, and lines that fit", async () => {
    const text = onTerminal((seen, style) => renderExplanation(explanation(seen), { style, now }));
    await expect(text).toMatchFileSnapshot("golden/explain-on-a-terminal.txt");
  });
});

describe("on a small terminal, in every state of a run", () => {
  const style = { colour: false, unicode: true, width: 80 };

  it("watch draws what fits, and always what a person can do", async () => {
    const frames = Object.entries(states).map(([name, seen]) => {
      const terminal = new VirtualTerminal(80, 24);
      const screen = new Screen({ columns: 80, rows: 24, write: (text: string) => terminal.write(text) });
      screen.draw(renderFrame({ seen: [seen], now }, aWatch, { scope, style, rows: 24 }));
      const lines = terminal.lines();
      const close = (text: string): string => text.replace(/\s+/g, "");
      for (const { command } of viewCanary(seen, scope, now).advice)
        expect(close(lines.join(""))).toContain(close(command));
      expect(lines.length).toBeLessThanOrEqual(24);
      return `### ${name}\n${lines.join("\n")}\n`;
    });
    await expect(frames.join("")).toMatchFileSnapshot("golden/watch-on-a-terminal.txt");
  });

  it("watch without a name draws the list", async () => {
    const seen = Object.values(states);
    const text = renderFrame({ seen, now }, { ...aWatch, name: undefined }, { scope, style, rows: 50 });
    await expect(text).toMatchFileSnapshot("golden/watch-list-on-a-terminal.txt");
  });

  it("watch says how long the API server has been away, above what was last seen", () => {
    const seen = [states["progressing"] as Seen];
    const text = renderFrame({ seen, now, awaySince: now - 12_000 }, aWatch, { scope, style, rows: 24 });
    expect(text.split("\n").slice(0, 2)).toEqual([
      "⚠ The API server has not answered for 12s; this is what was last seen.",
      "◌ the canary has 20% of requests; last check passed",
    ]);
    expect(text.split("\n").length - 1).toBeLessThan(24);
  });
});

describe("watch prints one line", () => {
  it("for each state of a run, the same an hour later", async () => {
    const lines = (at: number): string[] =>
      Object.values(states).map((seen) => lineOf(viewCanary(seen, scope, now), { now: at, namespaces: false }).text);
    await expect(`${lines(now).join("\n")}\n`).toMatchFileSnapshot("golden/watch.txt");
    const withoutTime = (line: string): string => line.slice(20);
    expect(lines(now + 3_600_000).map(withoutTime)).toEqual(lines(now).map(withoutTime));
  });
});
