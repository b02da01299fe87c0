import { describe, expect, it } from "vitest";
import { annotation, label } from "../../../shared/core/objects/names.ts";
import { credentialsFor } from "./credentials.ts";

const at = { namespace: "team-a", name: "prometheus" };
const data = { token: Buffer.from("sesame").toString("base64") };
const marked = (hosts: string): object => ({
  labels: { [label.credentials]: "true" },
  annotations: { [annotation.credentialsHost]: hosts },
});

describe("credentials of a Secret", () => {
  it.each([
    ["prometheus.example", "https://prometheus.example/prefix"],
    ["prometheus.example", "https://prometheus.example:443"],
    ["other:9090, prometheus.team-a.svc:9090", "http://prometheus.team-a.svc:9090"],
  ])("for %s go to %s", (hosts, address) =>
    expect(credentialsFor({ metadata: marked(hosts), data }, at, address)).toBe("Bearer sesame"),
  );

  it.each([
    [{}, "https://prometheus.example", /is not marked for this; label it kubectl-canary.io\/metrics-credentials=true/],
    [marked("prometheus.example"), "https://evil.example", /is not for evil.example; annotate it/],
    [marked("prometheus.example"), "https://prometheus.example:8443", /is not for prometheus.example:8443/],
    [marked(""), "https://prometheus.example", /is not for/],
    [marked("prometheus.example"), "nonsense", /is not for this address/],
  ])("marked %j do not go to %s", (metadata, address, said) => {
    expect(() => credentialsFor({ metadata, data }, at, address)).toThrow(said);
  });
});
