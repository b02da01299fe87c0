/** The exact text of `kubectl canary status` in each state of a run; a change of any shows as a diff of its golden file. */
import { describe, expect, it } from "vitest";
import { renderCanary } from "../../plugin/render.ts";
import { type Seen, viewCanary } from "../../plugin/view.ts";
import { states } from "./states.ts";
import { now, scope } from "./seen.ts";

const plain = { colour: false, unicode: true, width: Infinity };

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
