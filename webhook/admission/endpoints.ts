/** One admission review in, one answer out: the endpoints, which resource each is for, and what decides. */
import { admitDeployment } from "./deployments.ts";
import { mutateCanary, validateCanary, type CanaryDeps } from "./canaries.ts";
import { answer, denial, parseReview, type AdmissionRequest, type ReviewResponse, type Verdict } from "./review.ts";

export interface Endpoint {
  path: string;
  /** Reviews of anything else are misdirected, and refused. */
  resource: { group: string; resource: string };
  decide: (request: AdmissionRequest, deps: CanaryDeps) => Verdict;
}

export const endpoints: readonly Endpoint[] = [
  {
    path: "/mutate/deployments",
    resource: { group: "apps", resource: "deployments" },
    decide: (request, { ownAccounts }) => admitDeployment(request, ownAccounts),
  },
  { path: "/mutate/canaries", resource: { group: "flagger.app", resource: "canaries" }, decide: mutateCanary },
  { path: "/validate/canaries", resource: { group: "flagger.app", resource: "canaries" }, decide: validateCanary },
];

/** As metrics count it. */
export type Result = "allowed" | "patched" | "denied" | "error";

export interface Answer {
  /** 200, or 400 for what is no review that this endpoint can answer. */
  status: number;
  body: ReviewResponse | { message: string };
  result: Result;
}

/** Answers with the review's uid wherever it has one. Throws only if a decision does. */
export function admit(body: unknown, endpoint: Endpoint, deps: CanaryDeps): Answer {
  const parsed = parseReview(body);
  if (!parsed.ok) return malformed(parsed.uid, parsed.message);
  const { request } = parsed;
  const { group, resource } = request.resource;
  if (group !== endpoint.resource.group || resource !== endpoint.resource.resource)
    return malformed(
      request.uid,
      `${endpoint.path} is for ${fullName(endpoint.resource)}, not ${fullName({ group, resource })}`,
    );
  const review = answer(request, endpoint.decide(request, deps));
  return { status: 200, body: review, result: resultOf(review) };
}

// --- internal ---

function malformed(uid: string | undefined, message: string): Answer {
  const body = uid === undefined ? { message } : denial(uid, { code: 400, message });
  return { status: 400, body, result: "error" };
}

const fullName = ({ group, resource }: { group: string; resource: string }): string =>
  group ? `${resource}.${group}` : resource;

function resultOf({ response }: ReviewResponse): Result {
  if (!response.allowed) return response.status?.code === 500 ? "error" : "denied";
  return response.patch === undefined ? "allowed" : "patched";
}
