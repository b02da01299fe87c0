/** A MetricTemplate of a provider that cannot be asked: what the status says of a Canary that names it, and what `doctor` does. */
import { expect, it } from "vitest";
import { diagnose } from "../../plugin/commands/doctor/diagnose.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { MetricTemplate } from "../../shared/core/queries/query-template.ts";
import { resource } from "../../shared/kube/resources.ts";
import { aReplica } from "../a-replica.ts";
import { everythingMade, givenCanary } from "../given-objects.ts";
import { soundFacts } from "../plugin/fixtures/doctor-facts.ts";

const template = {
  ...{ apiVersion: "flagger.app/v1beta1", kind: "MetricTemplate" },
  metadata: { name: "errors", namespace: "test", uid: "uid-20" },
  spec: { provider: { type: "datadog" }, query: "avg:errors{*}" },
} as MetricTemplate;

const asking = (canary: Canary): Canary => {
  const metrics = [{ name: "errors", templateRef: { name: "errors" }, thresholdRange: { max: 1 } }];
  return { ...canary, spec: { ...canary.spec, analysis: { ...canary.spec.analysis, metrics } } };
};

const what =
  'Metric errors cannot be asked: MetricTemplate errors.test has provider "datadog", which cannot be asked here: ask Prometheus for it, or let a webhook of type rollout decide.';

it("starts no run, and the status says which provider, and the way round", async () => {
  const { cluster, look } = await aReplica({
    given: [...everythingMade(), { of: resource.metricTemplates, object: template }],
  });
  await look(asking(givenCanary()));
  const written = cluster.writes.find(({ kind, subresource }) => kind === "Canary" && subresource === "status");
  expect((written?.body as Canary).status?.blocked).toEqual({ kind: "missing", code: "metric-unusable", what });
});

it("is found by doctor in the same words", () => {
  const facts = soundFacts();
  const found = diagnose({
    ...{ ...facts, canary: asking(facts.canary!) },
    templates: new Map([["test/errors", template]]),
  });
  expect(found).toMatchObject([{ fault: "metric-unusable", level: "broken", what }]);
});
