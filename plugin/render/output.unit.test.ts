import { expect, it } from "vitest";
import { aTerminal } from "../../test/plugin/fixtures/terminal.ts";
import { printObject } from "./output.ts";

it.each(["json", "yaml"] as const)("what is not known is null in %s, and not left out", async (format) => {
  const { stdout, out } = aTerminal();
  await printObject({ run: { leastSeconds: 50, seconds: undefined } }, format, stdout);
  expect(out()).toMatch(/"?seconds"?: null/);
});
