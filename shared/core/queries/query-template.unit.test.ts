import { describe, expect, test } from "vitest";
import { customQuery, type MetricTemplate, render, type TemplateContext, templateContext } from "./query-template.ts";

const context: TemplateContext = {
  name: "podinfo",
  namespace: "test",
  target: "podinfo-canary",
  stable: "podinfo",
  service: "podinfo",
  interval: "1m",
  variables: { direction: "inbound" },
};

function template(provider: Partial<MetricTemplate["spec"]["provider"]>, query = "vector(1)"): MetricTemplate {
  const spec = { provider: { type: "prometheus", ...provider }, query };
  return { apiVersion: "flagger.app/v1beta1", kind: "MetricTemplate", metadata: { name: "latency" }, spec };
}

describe("a template", () => {
  test("of Flagger's Linkerd tutorial works unchanged, and its target is the version under test", () => {
    const text =
      'sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{target}}",direction="{{ variables.direction }}"}[{{ interval }}]))';
    expect(render(text, context)).toEqual({
      text: 'sum(rate(response_total{namespace="test",deployment=~"podinfo-canary",direction="inbound"}[1m]))',
    });
  });

  test("knows the names of the Canary and of its Service", () => {
    expect(render("{{ name }} {{ service }}", context)).toEqual({ text: "podinfo podinfo" });
  });

  test("knows the ingress and the route that the Canary refers to", () => {
    const of = { ...context, ingress: "web", route: "api" };
    expect(render("{{ ingress }} {{ route }}", of)).toEqual({ text: "web api" });
  });

  test.each([
    ["up\n {{ ingress }}", "there is no spec.ingressRef", "line 2, column 2"],
    ["up\n  {{ if x }}", '"{{ if x }}" is not understood', "line 2, column 3"],
    ["{{ variables.colour }}", 'variable "colour" has no value', "line 1, column 1"],
    ["{{ variables.toString }}", 'variable "toString" has no value', "line 1, column 1"],
    ["sum({{ namespace", '"{{" at line 1, column 5 is never closed', "column 5"],
    ["{{ }}", "is not understood", "line 1, column 1"],
    ["{{ target | toUpper }}", "is not understood", "line 1, column 1"],
  ])("with anything more is refused with its position: %j", (text, what, where) => {
    const result = render(text, context);
    expect(result).toHaveProperty("error", expect.stringContaining(what));
    expect(result).toHaveProperty("error", expect.stringContaining(where));
  });

  test("that asks for the clone Flagger would have made is refused with the cure", () => {
    const result = render('deployment="{{ target }}-primary"', context);
    expect(result).toHaveProperty("error", expect.stringContaining('stable runs in "podinfo" itself; write that name'));
  });
});

describe("a metric with a query of its own", () => {
  test("is asked at the Canary's Prometheus when the query is inline", () => {
    const result = customQuery({ name: "404s", query: 'x{ns="{{ namespace }}"}' }, context, undefined);
    expect(result).toEqual({ query: 'x{ns="test"}', server: {} });
  });

  test("is asked where its MetricTemplate says", () => {
    const spec = { name: "latency", templateRef: { name: "latency" } };
    const provider = { address: "http://prom:9090", headers: { "X-Scope-OrgID": ["a"] }, insecureSkipVerify: true };
    expect(customQuery(spec, context, template(provider))).toEqual({
      query: "vector(1)",
      server: { namespace: "test", ...provider },
    });
  });

  test("sends no header but those that servers of metrics ask for", () => {
    const spec = { name: "latency", templateRef: { name: "latency" } };
    const provider = { headers: { "X-Scope-OrgID": ["a"], "Metadata-Flavor": ["Google"] } };
    expect(customQuery(spec, context, template(provider))).toMatchObject({
      error: expect.stringContaining("headers that are not sent: Metadata-Flavor") as string,
    });
  });

  test("is another namespace's only where the chart says so", () => {
    const spec = { name: "latency", templateRef: { name: "latency", namespace: "shared" } };
    const allowed = (templateNamespaces: string[]): unknown =>
      customQuery(spec, { ...context, templateNamespaces }, template({}));
    expect(allowed([])).toMatchObject({
      error: expect.stringContaining("latency.shared is another namespace's: copy it to test, or add shared") as string,
    });
    expect(allowed(["shared"])).toMatchObject({ query: "vector(1)", server: { namespace: "shared" } });
  });

  test("takes its credentials from its own namespace, whoever refers to it", () => {
    const spec = { name: "latency", templateRef: { name: "latency", namespace: "monitoring" } };
    expect(customQuery(spec, context, template({ secretRef: { name: "token" } }))).toMatchObject({
      server: { secretRef: { namespace: "monitoring", name: "token" } },
    });
  });

  test.each([
    ["a template that is absent", undefined, "MetricTemplate latency.test does not exist"],
    ["another provider", template({ type: "datadog" }), 'provider "datadog", which cannot be asked here'],
    ["no spec", { ...template({}), spec: undefined } as unknown as MetricTemplate, "has no spec.provider.type"],
    ["no query", template({}, null as unknown as string), "no spec.query"],
    ["a broken text", template({}, "{{ x }}"), "MetricTemplate latency.test cannot be used"],
  ])("cannot be asked with %s, and says so", (_, of, message) => {
    const result = customQuery({ name: "latency", templateRef: { name: "latency" } }, context, of);
    expect(result).toHaveProperty("error", expect.stringContaining(message));
  });

  test("that has neither query nor template, because its name is mistyped, is named", () => {
    const result = customQuery({ name: "request-succes-rate" }, context, undefined);
    expect(result).toHaveProperty("error", expect.stringContaining('"request-succes-rate" is not a built-in metric'));
  });
});

describe("the interval of a query", () => {
  const subject = {
    name: "podinfo",
    namespace: "test",
    target: "podinfo",
    canary: "podinfo-canary",
    apex: { name: "podinfo" },
  };
  const metric = { name: "latency", query: "x" };

  test.each([
    [undefined, undefined, "1m"],
    ["", undefined, "1m"],
    ["60s", undefined, "60s"],
    ["60s", 60, "60s"],
    ["", 60, "1m"],
    ["60s", 120, "120s"],
    [undefined, 120, "120s"],
  ])("written as %j and measured over %j seconds is %s", (interval, window, expected) => {
    const spec = interval === undefined ? metric : { ...metric, interval };
    expect(templateContext(subject, spec, window).interval).toBe(expected);
  });
});
