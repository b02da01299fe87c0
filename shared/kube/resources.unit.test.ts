import { describe, expect, it } from "vitest";
import { accessOf, apiVersion, at, collectionPath, groupResource, objectPath, resource } from "./resources.ts";

describe("the path of a resource", () => {
  it("differs for the core group", () => {
    expect(collectionPath(resource.pods, "shop")).toBe("/api/v1/namespaces/shop/pods");
    expect(collectionPath(resource.deployments, "shop")).toBe("/apis/apps/v1/namespaces/shop/deployments");
    expect([apiVersion(resource.pods), apiVersion(resource.deployments)]).toEqual(["v1", "apps/v1"]);
    expect([groupResource(resource.pods), groupResource(resource.deployments)]).toEqual(["pods", "deployments.apps"]);
  });

  it("is that of all namespaces when none is named", () => {
    expect(collectionPath(resource.canaries)).toBe("/apis/flagger.app/v1beta1/canaries");
  });

  it("leaves a namespace out where the resource has none", () => {
    expect(objectPath(resource.namespaces, { name: "shop", namespace: "shop" })).toBe("/api/v1/namespaces/shop");
  });

  it("ends in the subresource", () => {
    expect(objectPath(resource.canaries, { name: "podinfo", namespace: "test", subresource: "status" })).toBe(
      "/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo/status",
    );
  });

  it("takes another version of the same group", () => {
    expect(collectionPath(at(resource.trafficSplits, "v1alpha4"), "test")).toBe(
      "/apis/split.smi-spec.io/v1alpha4/namespaces/test/trafficsplits",
    );
  });

  it.each(["../secrets/x", "a/b", "%2e%2e", ".", "..", ""])("does not exist for the name %j", (name) => {
    expect(() => objectPath(resource.pods, { name, namespace: "shop" })).toThrow(
      `"${name}" cannot be the name of a Pod.`,
    );
    expect(() => collectionPath(resource.pods, name)).toThrow(`"${name}" cannot be the name of a namespace.`);
  });

  it("is refused without the namespace that the resource needs", () => {
    expect(() => objectPath(resource.pods, { name: "web" })).toThrow(
      'Pod "web" cannot be addressed without a namespace.',
    );
  });
});

describe("what a request does, in RBAC's words", () => {
  it.each([
    ["GET", "/api/v1/pods", { verb: "list", group: "", resource: "pods" }],
    [
      "GET",
      "/api/v1/namespaces/shop/pods?watch=true",
      { verb: "watch", group: "", resource: "pods", namespace: "shop" },
    ],
    ["GET", "/api/v1/namespaces/shop", { verb: "get", group: "", resource: "namespaces", namespace: "shop" }],
    [
      "POST",
      "/apis/apps/v1/namespaces/shop/deployments",
      { verb: "create", group: "apps", resource: "deployments", namespace: "shop" },
    ],
    [
      "PUT",
      "/apis/flagger.app/v1beta1/namespaces/shop/canaries/web/status",
      { verb: "update", group: "flagger.app", resource: "canaries/status", namespace: "shop" },
    ],
    [
      "PATCH",
      "/apis/apps/v1/namespaces/a/deployments/web",
      { verb: "patch", group: "apps", resource: "deployments", namespace: "a" },
    ],
    [
      "DELETE",
      "/api/v1/namespaces/a/services/web",
      { verb: "delete", group: "", resource: "services", namespace: "a" },
    ],
    [
      "DELETE",
      "/api/v1/namespaces/a/services",
      { verb: "deletecollection", group: "", resource: "services", namespace: "a" },
    ],
    ["GET", "/version", undefined],
    ["GET", "/apis/apps/v1", undefined],
  ])("%s %s", (method, path, expected) => {
    expect(accessOf(method, path)).toEqual(expected);
  });
});
