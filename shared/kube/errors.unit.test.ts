import { describe, expect, it } from "vitest";
import { type Asked, CanaryError, fromNetwork, fromResponse, fromStatus, hasCode, timedOut } from "./errors.ts";

const asked = { server: "https://api.example:6443", what: "GET /api/v1/pods", user: "ada", context: "prod" };
const status = (code: number, reason: string, message: string, details?: object): string =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message, details });

describe("answers of the API server", () => {
  it.each([
    [404, "NotFound", { name: "web", kind: "deployments" }, "NotFound", false],
    [404, "NotFound", {}, "NoSuchKind", false],
    [409, "Conflict", { name: "web" }, "Conflict", true],
    [409, "AlreadyExists", { name: "web" }, "AlreadyExists", true],
    [400, "BadRequest", undefined, "Invalid", false],
    [422, "Invalid", undefined, "Invalid", false],
    [415, "UnsupportedMediaType", undefined, "Invalid", false],
    [401, "Unauthorized", undefined, "Unauthorized", true],
    [403, "Forbidden", undefined, "Forbidden", false],
    [410, "Gone", undefined, "Gone", true],
    [410, "Expired", undefined, "Gone", true],
    [429, "TooManyRequests", undefined, "TooManyRequests", true],
    [500, "InternalError", undefined, "ServerError", true],
    [503, "ServiceUnavailable", undefined, "ServerError", true],
    [504, "Timeout", undefined, "Timeout", true],
  ] as const)("%i %s with details %j is %s, retried: %s", (...row) => {
    const [code, reason, details, expected, retry] = row;
    const error = fromResponse(asked, code, status(code, reason, "Said so.", details));
    expect([error.code, error.retry, error.status]).toEqual([expected, retry, code]);
  });

  it("keeps the server's words where nothing better can be said", () => {
    const said = 'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1';
    expect(fromResponse(asked, 422, status(422, "Invalid", said)).message).toBe(said);
  });

  const to = (verb: string): Asked => ({ ...asked, access: { verb, group: "", resource: "pods", namespace: "shop" } });
  const advised = (text: string): string => `${text}. Ask who administers the cluster for this permission (RBAC).`;

  it("adds whom to ask where a read is refused, in whatever words, for nothing but RBAC refuses one", () => {
    const error = fromResponse(to("list"), 403, status(403, "Forbidden", "pods is forbidden"));
    expect(error.message).toBe(advised("pods is forbidden"));
    expect(error.permission).toEqual({ verb: "list", group: "", resource: "pods", namespace: "shop" });
  });

  it("tells RBAC's refusal of a write from an admission plugin's and a webhook's", () => {
    const rbac = 'pods is forbidden: User "ada" cannot create resource "pods" in API group "" in the namespace "shop"';
    expect(fromResponse(to("create"), 403, status(403, "Forbidden", rbac)).message).toBe(advised(rbac));
    for (const [reason, said] of [
      ["Forbidden", 'pods "web" is forbidden: exceeded quota: small, requested: pods=1'],
      ["", 'admission webhook "policy.example" denied the request: no.'],
    ] as const) {
      const error = fromResponse(to("create"), 403, status(403, reason, said));
      expect([error.message, error.permission]).toEqual([said, undefined]);
    }
  });

  it("knows of no permission where a proxy on the way refuses", () => {
    expect(fromResponse(to("get"), 403, "<html>no</html>").permission).toBeUndefined();
  });

  it("says whose credentials were not accepted, where, and what to do", () => {
    expect(fromResponse(asked, 401, status(401, "Unauthorized", "Unauthorized")).message).toBe(
      'The API server at https://api.example:6443 does not accept the credentials of user "ada" (401 Unauthorized). ' +
        'A token or certificate has probably expired: log in again, or look at the user\'s entry with "kubectl config view".',
    );
  });

  it("takes plain text for a path that is not served", () => {
    const error = fromResponse({ ...asked, what: "GET /apis/a.b/v1/cs" }, 404, "404 page not found\n");
    expect(error.code).toBe("NoSuchKind");
    expect(error.message).toContain("does not serve /apis/a.b/v1/cs: the CRD");
  });

  it("quotes the first line only of a gateway's page, and no more than 300 characters of it", () => {
    const error = fromResponse(asked, 502, `${"x".repeat(1000)}\n<html>`);
    expect(error.code).toBe("ServerError");
    expect(error.message.length).toBeLessThan(400);
  });

  it("says something for an empty answer", () => {
    expect(fromResponse(asked, 500, "").message).toMatch(/failed on GET \/api\/v1\/pods: HTTP status 500$/);
  });

  it("keeps the server's wish to wait, from the header or from the body", () => {
    const body = status(429, "TooManyRequests", "Busy.", { retryAfterSeconds: 3 });
    expect(fromResponse(asked, 429, body).retryAfterMs).toBe(3_000);
    expect(fromResponse(asked, 429, body, "5").retryAfterMs).toBe(5_000);
    expect(fromResponse(asked, 429, body, "Fri, 31 Dec 1999 23:59:59 GMT").retryAfterMs).toBeUndefined();
  });

  it("reads the Status of a watch's ERROR event", () => {
    const error = fromStatus(asked, { kind: "Status", code: 410, reason: "Expired", message: "too old" });
    expect([error.code, error.message]).toEqual(["Gone", "too old"]);
    expect(fromStatus(asked, null).code).toBe("ServerError");
  });
});

describe("no answer at all", () => {
  const nodeError = (code: string, message = "it broke"): Error => Object.assign(new Error(message), { code });

  it.each([
    ["ECONNREFUSED", "connection refused"],
    ["ENOTFOUND", "the host name does not resolve"],
    ["ECONNRESET", "the connection broke"],
    ["EWHATEVER", "it broke"],
  ])("%s is told as: %s", (code, why) => {
    const error = fromNetwork(asked, nodeError(code));
    expect([error.code, error.retry]).toEqual(["Unreachable", true]);
    expect(error.message).toBe(
      `No answer from the API server at https://api.example:6443 (${why}). Is the cluster running, and is the context "prod" the one you mean?`,
    );
  });

  it("is not tried again where the server's certificate is not trusted", () => {
    const error = fromNetwork(asked, nodeError("CERT_HAS_EXPIRED"));
    expect([error.code, error.retry]).toEqual(["Untrusted", false]);
    expect(error.message).toMatch(/is not trusted: it has expired\./);
  });

  it("leaves an error that has been translated as it is", () => {
    const error = timedOut(asked, 10_000);
    expect(fromNetwork(asked, error)).toBe(error);
    expect(error.message).toBe(
      "The API server at https://api.example:6443 did not answer GET /api/v1/pods within 10000 ms.",
    );
  });
});

describe("an error of the project", () => {
  it("is recognized by its code, and nothing else is", () => {
    expect(hasCode(new CanaryError("Gone", "x"), "NotFound", "Gone")).toBe(true);
    expect(hasCode(new CanaryError("Gone", "x"), "NotFound")).toBe(false);
    expect(hasCode({ code: "Gone" }, "Gone")).toBe(false);
  });

  it("is retried by its code unless told otherwise", () => {
    expect(new CanaryError("Usage", "x").retry).toBe(false);
    expect(new CanaryError("Conflict", "x", { retry: false }).retry).toBe(false);
  });
});
