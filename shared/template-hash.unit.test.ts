import { expect, it } from "vitest";
import { hashTemplate } from "./template-hash.ts";

/** Counts how often its environment is looked at. */
function aTemplate(image: string): { template: object; reads: () => number } {
  let reads = 0;
  const env = Array.from({ length: 100 }, (_, n) => ({
    name: `E${n}`,
    get value() {
      reads += 1;
      return "x";
    },
  }));
  const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c", image, env }] } };
  return { template, reads: () => reads };
}

it("a template that was hashed before is not put in order again: it is, at every look, and may have a megabyte", () => {
  const { template, reads } = aTemplate("podinfo:1.7.0");
  const first = hashTemplate(template);
  const once = reads();
  expect(hashTemplate(template)).toBe(first);
  expect(reads() - once).toBeLessThan(once);
  const { template: other } = aTemplate("podinfo:1.7.1");
  expect(hashTemplate(other)).not.toBe(first);
  const same = { spec: { containers: [] }, metadata: { labels: {} } };
  expect(hashTemplate(same)).toBe(hashTemplate({ metadata: { labels: {} }, spec: { containers: [] } }));
});
