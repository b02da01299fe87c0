/**
 * The AdmissionReview envelope: read with suspicion on the way in, and on the way out a JSON patch that has been applied
 * here first. An answer whose patch does not give the object we meant is an error of ours, and is never sent as a success.
 */
import { isDeepStrictEqual } from "node:util";
import jsonpatch from "jsonpatch";
import { operationsBetween } from "./json-patch.ts";

const apiVersion = "admission.k8s.io/v1";

export interface AdmissionRequest {
  uid: string;
  resource: { group: string; version: string; resource: string };
  /** `scale`, `status` ...; absent for the object itself. */
  subResource?: string;
  operation: string;
  name?: string;
  namespace?: string;
  userInfo: { username: string };
  dryRun?: boolean;
  /** Absent on DELETE. */
  object?: Record<string, unknown>;
  /** Absent on CREATE. */
  oldObject?: Record<string, unknown>;
}

export type Verdict =
  /** `object` only where something is to be changed. */
  | { allowed: true; object?: object; warnings: readonly string[] }
  /** `code` as an HTTP status, for the client's exit and logs. */
  | { allowed: false; code: number; message: string; warnings: readonly string[] };

export type Parsed = { ok: true; request: AdmissionRequest } | { ok: false; uid: string | undefined; message: string };

export interface ReviewResponse {
  apiVersion: string;
  kind: string;
  response: {
    uid: string;
    allowed: boolean;
    warnings?: readonly string[];
    status?: { code: number; message: string };
    patchType?: "JSONPatch";
    patch?: string;
  };
}

/** Never throws. The uid is returned even for a review that is otherwise unusable, so that it can be answered. */
export function parseReview(body: unknown): Parsed {
  if (!isObject(body) || body["kind"] !== "AdmissionReview" || body["apiVersion"] !== apiVersion)
    return { ok: false, uid: undefined, message: `not an AdmissionReview of ${apiVersion}` };
  const request = body["request"];
  const uid = isObject(request) && typeof request["uid"] === "string" ? request["uid"] : undefined;
  if (!isObject(request) || !uid)
    return { ok: false, uid: undefined, message: "the AdmissionReview has no request.uid" };
  const fault = faultIn(request);
  return fault ? { ok: false, uid, message: fault } : { ok: true, request: request as unknown as AdmissionRequest };
}

/** The answer to send. Throws only if `verdict.object` holds what JSON cannot. */
export function answer(request: AdmissionRequest, verdict: Verdict): ReviewResponse {
  if (!verdict.allowed) return denial(request.uid, verdict);
  const { object, warnings } = verdict;
  if (object === undefined || object === request.object)
    return envelope({ uid: request.uid, allowed: true, ...warn(warnings) });
  const patch = operationsBetween(request.object, object);
  const result = applied(request.object, patch);
  if (!isDeepStrictEqual(result, object))
    return denial(request.uid, {
      code: 500,
      message: "kubectl-canary made a patch that does not give what it meant, and did not send it: this is a bug in it",
      warnings: [],
    });
  if (patch.length === 0) return envelope({ uid: request.uid, allowed: true, ...warn(warnings) });
  const encoded = Buffer.from(JSON.stringify(patch)).toString("base64");
  return envelope({ uid: request.uid, allowed: true, ...warn(warnings), patchType: "JSONPatch", patch: encoded });
}

export function denial(
  uid: string,
  verdict: { code: number; message: string; warnings?: readonly string[] },
): ReviewResponse {
  const { code, message, warnings = [] } = verdict;
  return envelope({ uid, allowed: false, status: { code, message }, ...warn(warnings) });
}

// --- internal ---

const envelope = (response: ReviewResponse["response"]): ReviewResponse => ({
  apiVersion,
  kind: "AdmissionReview",
  response,
});

const warn = (warnings: readonly string[]): { warnings?: readonly string[] } =>
  warnings.length > 0 ? { warnings } : {};

/** The library refuses what it cannot apply by throwing; to us that is one more result that is not what was meant. */
function applied(document: unknown, patch: object[]): unknown {
  try {
    return jsonpatch.apply_patch(document, patch);
  } catch (error) {
    return error;
  }
}

function faultIn(request: Record<string, unknown>): string | undefined {
  const { resource, userInfo, operation } = request;
  if (!isObject(resource) || typeof resource["resource"] !== "string") return "request.resource is missing";
  if (!isObject(userInfo) || typeof userInfo["username"] !== "string") return "request.userInfo.username is missing";
  if (operation !== "CREATE" && operation !== "UPDATE" && operation !== "DELETE" && operation !== "CONNECT")
    return "request.operation is missing or unknown";
  const needed = { CREATE: ["object"], UPDATE: ["object", "oldObject"], DELETE: [], CONNECT: [] }[operation];
  const missing = needed.find((key) => !isObject(request[key]));
  return missing ? `request.${missing} is missing` : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
