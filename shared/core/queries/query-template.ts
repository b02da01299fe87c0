/**
 * Queries of the user's own: a metric's inline `query`, or a MetricTemplate that it names. The text is Flagger's template language
 * reduced to its variables; anything more is refused with its position instead of being sent to Prometheus half understood.
 */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { apexOf, type Canary, type MetricSpec, referredNamespace } from "../objects/canary.ts";
import { canaryName } from "../objects/names.ts";
import { windowSeconds } from "./queries.ts";
import { fit, placesIn, type Place } from "./query-places.ts";
import { optional } from "../format/compact.ts";

export interface MetricTemplate {
  apiVersion: string;
  kind: string;
  metadata: V1ObjectMeta;
  spec: {
    provider: {
      type: string;
      address?: string;
      headers?: Record<string, string[]>;
      secretRef?: { name: string };
      insecureSkipVerify?: boolean;
    };
    query: string;
  };
}

/** Where a query is asked; an absent address is the Canary's own Prometheus. */
export interface MetricServer {
  address?: string;
  headers?: Record<string, string[]>;
  insecureSkipVerify?: boolean;
  /** Of the MetricTemplate that names the server. */
  namespace?: string;
  /** Secret with `token`, or `username` and `password`. */
  secretRef?: { namespace: string; name: string };
}

/** What the variables stand for. `target` is the canary Deployment: the version under test, as Flagger means it. */
export interface TemplateContext {
  name: string;
  namespace: string;
  /** The canary's Deployment. */
  target: string;
  /** The Deployment in `spec.targetRef`. */
  stable: string;
  service: string;
  /** Names of `spec.ingressRef` and `spec.routeRef`, where the Canary has them. */
  ingress?: string;
  route?: string;
  interval: string;
  variables: Readonly<Record<string, string>>;
  /** Namespaces whose templates the Canaries of all others may name; absent where that is not known. */
  templateNamespaces?: readonly string[];
}

/** The names that a query may have in it. */
export interface TemplateSubject {
  name: string;
  namespace: string;
  /** The Deployment in `spec.targetRef`. */
  target: string;
  /** The canary Deployment. */
  canary: string;
  apex: { name: string };
  ingress?: string;
  route?: string;
}

export function templateSubject({ metadata, spec }: Canary): TemplateSubject {
  return {
    name: metadata.name ?? "",
    namespace: metadata.namespace ?? "",
    target: spec.targetRef.name,
    canary: canaryName(spec.targetRef.name),
    apex: { name: apexOf({ spec }) },
    ...optional("ingress", spec.ingressRef?.name),
    ...optional("route", spec.routeRef?.name),
  };
}

/**
 * What the variables of this metric stand for. The interval is as the user wrote it, unless it is measured over another `window`,
 * in seconds.
 */
export function templateContext(
  { name, namespace, target: stable, canary, apex, ingress, route }: TemplateSubject,
  metric: MetricSpec,
  window = windowSeconds(metric.interval),
): TemplateContext {
  const asWritten = metric.interval === undefined || metric.interval === "" ? "1m" : metric.interval;
  return {
    name,
    namespace,
    target: canary,
    stable,
    service: apex.name,
    ...optional("ingress", ingress),
    ...optional("route", route),
    interval: windowSeconds(metric.interval) === window ? asWritten : `${window}s`,
    variables: metric.templateVariables ?? {},
  };
}

export type Rendered = { text: string } | { error: string };

/**
 * Replaces `{{ namespace }}` and its like; the error says what is wrong, at which line and column. `isStrange`: the text is another
 * namespace's, and what it stands for may not reach out of its place.
 */
export function render(text: string, context: TemplateContext, isStrange = false): Rendered {
  const place = isStrange ? placesIn(text) : undefined;
  let out = "";
  let from = 0;
  for (;;) {
    const open = text.indexOf("{{", from);
    if (open < 0) return { text: out + text.slice(from) };
    const close = text.indexOf("}}", open);
    if (close < 0) return { error: `"{{" at ${position(text, open)} is never closed` };
    const expression = text.slice(open + 2, close).trim();
    if (expression === "target" && text.startsWith("-primary", close + 2))
      return { error: primaryCure(position(text, open), context) };
    const fitted = fitting(valueOf(expression, context), expression, place?.(open));
    if ("error" in fitted) return { error: `${fitted.error} (at ${position(text, open)})` };
    out += text.slice(from, open) + fitted.text;
    from = close + 2;
  }
}

const fitting = (value: Rendered, expression: string, place: Place | undefined): Rendered =>
  place === undefined || "error" in value ? value : fit(value.text, place, expression);

/** The query of a metric that is not built in, and where to ask it; or the reason why it cannot be asked. */
export function customQuery(
  spec: MetricSpec,
  context: TemplateContext,
  template: MetricTemplate | undefined,
): { query: string; server: MetricServer } | { error: string } {
  if (spec.templateRef !== undefined) return fromTemplate(spec.templateRef, context, template);
  if (spec.query === undefined || spec.query.trim() === "") {
    return {
      error: `"${spec.name}" is not a built-in metric and has neither a query nor a templateRef; give it one of the two`,
    };
  }
  const rendered = render(spec.query, context);
  if ("error" in rendered) return { error: `the query of metric "${spec.name}" cannot be used: ${rendered.error}` };
  return { query: rendered.text, server: {} };
}

function fromTemplate(
  ref: { name: string; namespace?: string },
  context: TemplateContext,
  template: MetricTemplate | undefined,
): { query: string; server: MetricServer } | { error: string } {
  const namespace = referredNamespace(ref, context.namespace);
  const named = `MetricTemplate ${ref.name}.${namespace}`;
  const stranger = strangerRefused(named, namespace, context);
  if (stranger !== undefined) return { error: stranger };
  if (template === undefined)
    return { error: `${named} does not exist; create it, or correct the metric's templateRef` };
  // Past an older CRD's schema a template may have any shape; what it lacks is its Canaries' news, and nobody else's.
  const { provider, query } = { ...(template.spec as Partial<MetricTemplate["spec"]> | undefined) };
  if (typeof provider?.type !== "string" || typeof query !== "string")
    return { error: `${named} has no spec.provider.type or no spec.query; write both` };
  if (provider.type !== "prometheus") {
    return {
      error: `${named} has provider "${provider.type}", which cannot be asked here: ask Prometheus for it, or let a webhook of type rollout decide`,
    };
  }
  const unsent = unsentHeaders(provider);
  if (unsent.length > 0)
    return {
      error: `${named} has headers that are not sent: ${unsent.join(", ")}; only ${sentHeaders.join(", ")} are`,
    };
  const rendered = render(query, context, namespace !== context.namespace);
  if ("error" in rendered) return { error: `${named} cannot be used: ${rendered.error}` };
  return { query: rendered.text, server: serverOf(provider, namespace) };
}

/** What servers of metrics ask for. Others would let a template speak to servers that are none. */
const sentHeaders = ["authorization", "thanos-tenant", "x-api-key", "x-scope-orgid"];

const unsentHeaders = ({ headers = {} }: MetricTemplate["spec"]["provider"]): string[] =>
  Object.keys(headers).filter((name) => !sentHeaders.includes(name.toLowerCase()));

function strangerRefused(
  named: string,
  namespace: string,
  { namespace: own, templateNamespaces }: TemplateContext,
): string | undefined {
  if (namespace === own || templateNamespaces === undefined || templateNamespaces.includes(namespace)) return undefined;
  return `${named} is another namespace's: copy it to ${own}, or add ${namespace} to the chart's metrics.templateNamespaces`;
}

function serverOf(provider: MetricTemplate["spec"]["provider"], namespace: string): MetricServer {
  const { address, headers, insecureSkipVerify, secretRef } = provider;
  return {
    namespace,
    ...(address ? { address } : {}),
    ...(headers ? { headers } : {}),
    ...(insecureSkipVerify === true ? { insecureSkipVerify } : {}),
    ...(secretRef ? { secretRef: { namespace, name: secretRef.name } } : {}),
  };
}

function valueOf(expression: string, context: TemplateContext): Rendered {
  const { name, namespace, target, service, interval, ingress, route } = context;
  const plain = new Map(Object.entries({ name, namespace, target, service, interval, ingress, route }));
  const text = plain.get(expression);
  if (text !== undefined) return { text };
  if (plain.has(expression)) return { error: `"{{ ${expression} }}" has no value: there is no spec.${expression}Ref` };
  const key = /^variables\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(expression)?.[1];
  if (key === undefined) return { error: unknownExpression(expression) };
  if (!Object.hasOwn(context.variables, key)) {
    return { error: `variable "${key}" has no value; add it to the metric's templateVariables` };
  }
  return { text: context.variables[key] ?? "" };
}

function unknownExpression(expression: string): string {
  const known = "name, namespace, target, service, ingress, route, interval and variables.<name>";
  return `"{{ ${expression} }}" is not understood; only ${known} are`;
}

function primaryCure(where: string, { stable }: TemplateContext): string {
  return `"{{ target }}-primary" at ${where} names a Deployment that does not exist here: stable runs in "${stable}" itself; write that name instead`;
}

function position(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
