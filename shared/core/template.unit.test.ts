import type { V1PodTemplateSpec } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { sameTemplate } from "./template.ts";

describe("quantities in a template", () => {
  const withAnnotation = (value: string): V1PodTemplateSpec => ({
    metadata: { annotations: { sizeLimit: value, divisor: value } },
  });
  const withAmount = (amount: string): V1PodTemplateSpec => ({
    spec: {
      containers: [{ name: "a", resources: { limits: { cpu: amount } } }],
      volumes: [{ name: "v", emptyDir: { sizeLimit: amount } }],
    },
  });

  it("count by value where the API has quantities", () => {
    expect(sameTemplate(withAmount("1000m"), withAmount("1"))).toBe(true);
    expect(sameTemplate(withAmount("1000m"), withAmount("2"))).toBe(false);
  });

  it("are text in an annotation, whatever its name: Kubernetes rolls for a change of it", () => {
    expect(sameTemplate(withAnnotation("1000m"), withAnnotation("1"))).toBe(false);
  });
});
