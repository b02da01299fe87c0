/**
 * The one error type of the project, and the one place where HTTP statuses, the API server's Status objects and network
 * failures become one. Messages are for people: what happened, where, and what to do; they never hold a credential.
 */

export type ErrorCode =
  /** The object (or its namespace) does not exist. */
  | "NotFound"
  /** The API server does not serve this resource in this version: its CRD is not installed. */
  | "NoSuchKind"
  /** The object has changed since it was read. Look again. */
  | "Conflict"
  | "AlreadyExists"
  | "Forbidden"
  | "Unauthorized"
  /** The object fails validation (422), or the request is malformed (400, 415 ...). */
  | "Invalid"
  /** A resourceVersion or continue token is too old: list again. */
  | "Gone"
  | "TooManyRequests"
  | "Timeout"
  /** No answer from the API server, or the connection broke. */
  | "Unreachable"
  /** TLS: the server's certificate is not one that we trust. */
  | "Untrusted"
  | "ServerError"
  /** The caller gave us something wrong: a missing flag, an unusable kubeconfig. */
  | "Usage"
  /** Found something that we do not understand or that is not ours, and stopped. */
  | "Unexpected";

export interface ErrorDetails {
  /** Whether the same work may succeed later without a person's doing. Default: by code. */
  retry?: boolean;
  /** HTTP status, where there was one. */
  status?: number;
  /** The server's own wish, in milliseconds, before the next attempt. */
  retryAfterMs?: number;
  /** The Status object's own word for why, such as `Conflict`; a webhook's refusal has none. */
  reason?: string;
  /** Reasons of its causes, such as `NamespaceTerminating`. */
  causes?: readonly string[];
  /** What was asked for; missing where it was no resource. */
  access?: Access;
  /** The permission that RBAC found missing; a refusal of another kind has none. */
  permission?: Access;
  cause?: unknown;
}

const retryable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "Conflict",
  "AlreadyExists",
  "Unauthorized",
  "Gone",
  "TooManyRequests",
  "Timeout",
  "Unreachable",
  "ServerError",
]);

export class CanaryError extends Error {
  override readonly name = "CanaryError";
  readonly code: ErrorCode;
  readonly retry: boolean;
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly reason?: string;
  readonly causes: readonly string[];
  readonly access?: Access;
  readonly permission?: Access;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retry = details.retry ?? retryable.has(code);
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    if (details.reason !== undefined) this.reason = details.reason;
    if (details.access !== undefined) this.access = details.access;
    if (details.permission !== undefined) this.permission = details.permission;
    this.causes = details.causes ?? [];
  }
}

/** Whether something caught is a `CanaryError` with one of these codes. */
export const hasCode = (error: unknown, ...codes: ErrorCode[]): error is CanaryError =>
  error instanceof CanaryError && codes.includes(error.code);

/** Whether the object is not there, be it because its kind is not installed. */
export const isAbsent = (error: unknown): boolean => hasCode(error, "NotFound", "NoSuchKind");

/** Anything caught, as a sentence for a log or a status. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a request does to which resource, in the words of RBAC's rules. */
export interface Access {
  verb: string;
  /** "" for the core's. */
  group: string;
  /** With its subresource: `canaries/status`. */
  resource: string;
  /** Missing for what is in no namespace, or in all. */
  namespace?: string;
}

/** What was asked, for the message. `context` is the kubeconfig's. */
export interface Asked {
  server: string;
  what: string;
  access?: Access;
  user?: string;
  context?: string;
}

/** The parts we read of `meta/v1.Status`. */
interface Status {
  kind?: unknown;
  message?: unknown;
  reason?: unknown;
  code?: unknown;
  details?: { name?: unknown; kind?: unknown; retryAfterSeconds?: unknown; causes?: unknown } | null;
}

const byHttpStatus: Readonly<Record<number, ErrorCode>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  408: "Timeout",
  409: "Conflict",
  410: "Gone",
  429: "TooManyRequests",
  504: "Timeout",
};

/** Translates an answer of status 400 or more. `body` is as received: a Status object in JSON, or any text. */
export function fromResponse(asked: Asked, status: number, body: string, retryAfter?: string): CanaryError {
  return fromStatus(asked, parseStatus(body) ?? { message: firstLine(body) }, status, retryAfter);
}

/** Translates a Status object, e.g. of a watch's ERROR event. */
export function fromStatus(asked: Asked, object: unknown, httpStatus?: number, retryAfter?: string): CanaryError {
  const status: Status = isStatusLike(object) ? object : {};
  const number = httpStatus ?? (typeof status.code === "number" ? status.code : 500);
  const code = codeOf(number, status);
  const said =
    typeof status.message === "string" && status.message !== "" ? onOneLine(status.message) : `HTTP status ${number}`;
  const details = detailsOf({ code, status, number, said }, asked, retryAfter);
  const message = details.permission
    ? `${said}. Ask who administers the cluster for this permission (RBAC).`
    : (advice[code]?.(said, asked) ?? said);
  return new CanaryError(code, message, details);
}

/** A sentence of ours may go on below it, in lines of its own: no answer may look like them. */
const onOneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");

interface Refused {
  code: ErrorCode;
  status: Status;
  number: number;
  said: string;
}

function detailsOf({ code, status, number, said }: Refused, asked: Asked, retryAfter?: string): ErrorDetails {
  const { access } = asked;
  const isMissing = access !== undefined && code === "Forbidden" && isByRbac(status, said, access);
  return {
    status: number,
    ...waitOf(retryAfter ?? status.details?.retryAfterSeconds),
    ...whyOf(status),
    ...(access ? { access } : {}),
    ...(isMissing ? { permission: access } : {}),
  };
}

const reading = new Set(["get", "list", "watch"]);

/**
 * Nothing but authorization refuses a read. A write is refused by an admission plugin (a quota, say) with the same code, reason and
 * details: only the words tell, and these are Kubernetes' own.
 */
function isByRbac({ reason }: Status, said: string, access: Access): boolean {
  if (reason !== "Forbidden") return false;
  return reading.has(access.verb) || / cannot \S+ (resource|path) /.test(said);
}

function whyOf(status: Status): Pick<ErrorDetails, "reason" | "causes"> {
  const { reason } = status;
  return { causes: causesIn(status), ...(typeof reason === "string" && reason !== "" ? { reason } : {}) };
}

function causesIn({ details }: Status): string[] {
  const causes: unknown[] = Array.isArray(details?.causes) ? details.causes : [];
  return causes.flatMap((cause) => (hasReason(cause) ? [cause.reason] : []));
}

const hasReason = (value: unknown): value is { reason: string } =>
  typeof value === "object" && value !== null && "reason" in value && typeof value.reason === "string";

function waitOf(seconds: unknown): { retryAfterMs?: number } {
  const retryAfterMs = Number(seconds) * 1000;
  return retryAfterMs > 0 ? { retryAfterMs } : {};
}

function codeOf(status: number, body: Status): ErrorCode {
  if (body.reason === "AlreadyExists") return "AlreadyExists";
  if (body.reason === "Expired") return "Gone";
  if (status === 404 && isMissingKind(body)) return "NoSuchKind";
  return byHttpStatus[status] ?? (status >= 500 ? "ServerError" : "Invalid");
}

/** An unknown group or version is answered with plain text, an unknown resource of a known one without an object's name. */
function isMissingKind(body: Status): boolean {
  return body.kind !== "Status" || (body.details?.name === undefined && body.details?.kind === undefined);
}

type Advice = (said: string, asked: Asked) => string;

const failed: Advice = (said, asked) => `The API server at ${asked.server} failed on ${asked.what}: ${said}`;

/** What is added to the server's words; codes that are not here speak for themselves. */
const advice: Readonly<Partial<Record<ErrorCode, Advice>>> = {
  Unauthorized: (said, asked) =>
    `The API server at ${asked.server} does not accept the credentials of ${userOf(asked)} (401 ${said}). A token or certificate has probably expired: log in again, or look at the user's entry with "kubectl config view".`,
  NoSuchKind: (_said, asked) =>
    `The API server at ${asked.server} does not serve ${asked.what.replace(/^\S+ /, "")}: the CRD that defines it is not installed, or not in this version.`,
  TooManyRequests: (said, asked) =>
    `The API server at ${asked.server} is overloaded and asks to wait (429, ${asked.what}): ${said}`,
  Timeout: failed,
  ServerError: failed,
};

const userOf = (asked: Asked): string => (asked.user ? `user "${asked.user}"` : "this user");
const contextOf = (asked: Asked): string => (asked.context ? `context "${asked.context}"` : "address");

/** Why nothing came back, by Node's error code; the rest is told in Node's own words. */
const networkCauses: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection broke",
  EPIPE: "the connection broke",
  ENOTFOUND: "the host name does not resolve",
  EAI_AGAIN: "the host name does not resolve just now",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ETIMEDOUT: "no answer from the host",
};

const tlsCauses: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its authority is not the one that the kubeconfig names",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its authority is not the one that the kubeconfig names",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its authority is not the one that the kubeconfig names",
  CERT_SIGNATURE_FAILURE: "its authority is not the one that the kubeconfig names",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet (look at this machine's clock)",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another host name",
};

/** Translates what Node throws when a request gets no whole answer. A `CanaryError` passes unchanged. */
export function fromNetwork(asked: Asked, error: unknown): CanaryError {
  if (error instanceof CanaryError) return error;
  const code = nodeCode(error);
  const untrusted = tlsCauses[code];
  if (untrusted !== undefined) {
    const message = `The certificate of the API server at ${asked.server} is not trusted: ${untrusted}. Look at certificate-authority and server in the kubeconfig.`;
    return new CanaryError("Untrusted", message, { cause: error });
  }
  const why = networkCauses[code] ?? messageOf(error);
  const message = `No answer from the API server at ${asked.server} (${why}). Is the cluster running, and is the ${contextOf(asked)} the one you mean?`;
  return new CanaryError("Unreachable", message, { cause: error });
}

/** The request's own deadline passed. Whether the server acted on it is unknown. */
export const timedOut = (asked: Asked, timeoutMs: number): CanaryError =>
  new CanaryError("Timeout", `The API server at ${asked.server} did not answer ${asked.what} within ${timeoutMs} ms.`);

/** Node's error code; it stands on the aggregate too when every address of a host failed. */
export function nodeCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

function parseStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isStatusLike(parsed) && parsed.kind === "Status" ? parsed : undefined;
  } catch {
    return undefined; // Not JSON: a proxy in between, or a path that the API server does not know.
  }
}

const isStatusLike = (value: unknown): value is Status => typeof value === "object" && value !== null;

const firstLine = (text: string): string => text.trim().split("\n", 1)[0]?.slice(0, 300) ?? "";
