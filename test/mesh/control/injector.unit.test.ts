// Which pods get a sidecar, and what exactly is added to them.
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { inject, probesOf } from "./injector.ts";
import { gatewayIn } from "../proxy/proxy.ts";
import { looksLikeHttp } from "../proxy/detect.ts";
import { redirectionRules } from "../proxy/redirect.ts";

const settings = { image: "mesh:local", destinations: "10.1.0.9:8086", controlNamespace: "linkerd" };
const meshed = { name: "test", annotations: { "linkerd.io/inject": "enabled" } };
const plain = { name: "test", annotations: {} };
const pod: V1Pod = {
  metadata: {
    labels: { app: "podinfo", "pod-template-hash": "5f9c" },
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "my-podinfo-5f9c", uid: "1", controller: true },
    ],
  },
  spec: {
    initContainers: [{ name: "first" }],
    containers: [
      {
        name: "podinfod",
        ports: [{ name: "http", containerPort: 9898 }],
        readinessProbe: { httpGet: { path: "/readyz", port: "http" } },
        livenessProbe: { httpGet: { port: 9797 } },
      },
    ],
  },
};
const annotated = (annotations: Record<string, string>): V1Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations },
});

describe("the injector", () => {
  it("adds redirection and sidecar before everything else, and Linkerd's labels beside the pod's own", () => {
    const [labels, , containers] = inject(pod, meshed, settings);
    expect(labels?.value).toEqual({
      app: "podinfo",
      "pod-template-hash": "5f9c",
      "linkerd.io/control-plane-ns": "linkerd",
      "linkerd.io/workload-ns": "test",
      "linkerd.io/proxy-deployment": "my-podinfo",
    });
    expect(containers).toMatchObject({
      path: "/spec/initContainers",
      value: [
        { name: "linkerd-init" },
        { name: "linkerd-proxy", restartPolicy: "Always", ports: [{ name: "linkerd-admin", containerPort: 4191 }] },
        { name: "first" },
      ],
    });
  });

  it("goes by the pod's annotation first, then by the namespace's", () => {
    const count = (each: V1Pod, namespace: typeof plain): number => inject(each, namespace, settings).length;
    expect(count(pod, plain)).toBe(0);
    expect(count(annotated({ "linkerd.io/inject": "enabled" }), plain)).toBe(3);
    expect(count(annotated({ "linkerd.io/inject": "disabled" }), meshed)).toBe(0);
  });

  it("leaves alone pods of the node's network, and pods that have a sidecar already", () => {
    expect(inject({ ...pod, spec: { ...pod.spec!, hostNetwork: true } }, meshed, settings)).toEqual([]);
    expect(inject({ ...pod, spec: { containers: [{ name: "linkerd-proxy" }] } }, meshed, settings)).toEqual([]);
  });

  it("writes its namespace's default policy on the pod, whose own goes first, and tells the sidecar its clock", () => {
    const policy = "config.linkerd.io/default-inbound-policy";
    const guarded = { ...meshed, annotations: { ...meshed.annotations, [policy]: "deny" } };
    const of = (each: V1Pod): unknown => (inject(each, guarded, settings)[1]?.value as Record<string, string>)[policy];
    expect([of(pod), of(annotated({ [policy]: "all-authenticated" }))]).toEqual(["deny", "all-authenticated"]);
    const [, , containers] = inject(annotated({ "stand-in-mesh/discovery-clock": "10" }), meshed, settings);
    const [, sidecar] = containers?.value as V1Container[];
    expect(sidecar?.env).toContainEqual({ name: "DISCOVERY_CLOCK", value: "10" });
  });

  it("tells the sidecar every HTTP probe by port number and path", () => {
    expect(probesOf(pod)).toEqual([
      { port: 9898, path: "/readyz" },
      { port: 9797, path: "/" },
    ]);
  });
});

describe("the redirection", () => {
  it("spares the proxy's own traffic, loopback, the metrics and the ports that the annotations name", () => {
    const rules = redirectionRules("443,8000-8010", "5432, bogus;rm");
    expect(rules).toContain("-A PROXY_INBOUND -p tcp --dport 4191 -j RETURN");
    expect(rules).toContain("-A PROXY_INBOUND -p tcp --dport 8000:8010 -j RETURN");
    expect(rules).toContain("-A PROXY_OUTBOUND -m owner --uid-owner 2102 -j RETURN");
    expect(rules).toContain("-A PROXY_OUTBOUND -p tcp --dport 5432 -j RETURN");
    expect(rules).not.toContain("bogus");
  });

  it("takes only HTTP/1 for HTTP", () => {
    const verdicts = ["GET / HTTP/1.1", "PO", "", "PRI * HTTP/2.0", "\x16\x03\x01", "GETX"].map(looksLikeHttp);
    expect(verdicts).toEqual(["http", "more", "more", "other", "other", "other"]);
  });

  it("knows the node by the default route's gateway", () => {
    const routes = "Iface\tDestination\tGateway\neth0\t00000000\t0100D50A\t0003\neth0\t0100D50A\t00000000\t0005\n";
    expect(gatewayIn(routes)).toBe("10.213.0.1");
    expect(gatewayIn("Iface\n")).toBeUndefined();
  });
});
