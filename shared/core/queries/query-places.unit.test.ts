import { describe, expect, it } from "vitest";
import { render, type TemplateContext } from "./query-template.ts";

const contextWith = (x: string): TemplateContext => ({
  name: "podinfo",
  namespace: "b",
  target: "podinfo-canary",
  stable: "podinfo",
  service: "podinfo",
  interval: "1m",
  variables: { x },
});
const strange = (text: string, value: string): unknown => render(text, contextWith(value), true);

describe("a variable in another namespace's template", () => {
  it.each([
    [`up{job="{{ variables.x }}"}`, `x"} or secret{a="`, `up{job="x\\"} or secret{a=\\""}`],
    [`up{job="{{ variables.x }}"}`, `a\\`, `up{job="a\\\\"}`],
    [`up{job='{{ variables.x }}'}`, `x'} or y{a='`, `up{job='x\\'} or y{a=\\''}`],
    [`up{job=~"a|{{ variables.x }}", b="c"}`, `d"`, `up{job=~"a|d\\"", b="c"}`],
    ["up{job=`{{ variables.x }}`}", `a"b\\`, 'up{job=`a"b\\`}'],
    [`up # it's "a comment\n > {{ variables.x }}`, "0.5", `up # it's "a comment\n > 0.5`],
    [`rate(up[{{ interval }}])`, "x", "rate(up[1m])"],
  ])("stays in its place: %s with %j", (text, value, becomes) =>
    expect(strange(text, value)).toEqual({ text: becomes }),
  );

  it.each([
    ["up + {{ variables.x }}", "1 or secret"],
    ["up{job=`{{ variables.x }}`}", "a` or b"],
    [`up{job="\\{{ variables.x }}"}`, `"} or secret{a="`],
    [`up{job="a\\"} > {{ variables.x }}`, "a\nb"],
  ])("is refused where it could leave it: %s with %j", (text, value) =>
    expect(strange(text, value)).toMatchObject({ error: expect.stringContaining("variables.x") as string }),
  );

  it("of the Canary's own namespace is what its author wrote", () => {
    expect(render("up{job={{ variables.x }}}", contextWith(`"a" or b`))).toEqual({ text: `up{job="a" or b}` });
  });
});
