/** The states of a run that every verb's text is tested in, by the words that describe them. */
import type { RunStatus } from "../../shared/core/objects/canary-status.ts";
import type { Seen } from "../../plugin/view/types.ts";
import { clientErrorsHold, heldForClientErrors, refused, slow, takenBack } from "./findings.ts";
import {
  aCheck,
  aDeployment,
  aLease,
  aPod,
  aRun,
  aSplit,
  ago,
  canaryImages,
  latencyCheck,
  seenWith,
  silentTracks,
  stableImages,
  tracks,
} from "./seen.ts";

const idleWorkload = aDeployment("podinfo-canary", 0, stableImages.podinfod);
const promotedRun = {
  run: "2",
  intent: "v1-aa",
  images: stableImages,
  requestedBy: "bob",
  outcome: "promoted",
  cause: "10 of 10 steps passed",
  startedAt: ago(4_000),
  endedAt: ago(3_800),
} as const;
const rejectedRun = {
  run: "3",
  intent: "v1-bb",
  images: canaryImages,
  requestedBy: "alice (kubectl-set)",
  outcome: "rejected",
  cause: "request-success-rate 71.20% is below 99% (5 of 5 checks failed)",
  startedAt: ago(200),
  endedAt: ago(120),
} as const;
const { checkAt: _, ...unchecked } = aRun;
/** The run in a stage without checks. */
const runIn = (stage: RunStatus["stage"], more: Partial<RunStatus> = {}): RunStatus => ({
  ...unchecked,
  stage,
  ...more,
});

const progressing = {
  run: aRun,
  tracks,
  checks: [aCheck(), latencyCheck],
  reason: "Weight 20 passed 1 check: 99.61% of 1176 requests succeeded, P99 44ms.",
  next: "Weight 30 if the next check passes.",
};

const lowered = aSplit(5, 20);
lowered.metadata.managedFields = [
  {
    manager: "kubectl-canary",
    operation: "Update",
    time: new Date(ago(60)),
    fieldsV1: { "f:spec": { "f:backends": {} } },
  },
  {
    manager: "kubectl-edit",
    operation: "Update",
    time: new Date(ago(9)),
    fieldsV1: { "f:spec": { "f:backends": {} } },
  },
];

export const states: Record<string, Seen> = {
  "not seen by the controller": seenWith(undefined, { workload: undefined, route: undefined, lease: undefined }),
  initializing: seenWith(
    {
      phase: "Initializing",
      canaryWeight: 0,
      reason: "Services podinfo-primary and podinfo-canary are being created.",
      next: "Initialized when the target's 4 pods are ready.",
    },
    { workload: undefined },
  ),
  steady: seenWith(
    {
      phase: "Succeeded",
      canaryWeight: 0,
      reason: "Run 2 was promoted.",
      next: "Waits for a change of deployment/podinfo.",
      history: [promotedRun],
    },
    { workload: idleWorkload },
  ),
  "steady with callers to restart": seenWith(
    {
      phase: "Initialized",
      canaryWeight: 0,
      reason: "Initialization done.",
      next: "Waits for a change of deployment/podinfo.",
      staleCallers: ["test/load-5f7d8c6b9-x2x4k"],
    },
    {
      workload: idleWorkload,
      callers: [
        {
          namespace: "test",
          name: "load-5f7d8c6b9-x2x4k",
          pod: aPod("load-5f7d8c6b9-x2x4k", "load-5f7d8c6b9", "5f7d8c6b9"),
        },
        {
          namespace: "test",
          name: "load-5f7d8c6b9-b4b5c",
          pod: aPod("load-5f7d8c6b9-b4b5c", "load-5f7d8c6b9", "5f7d8c6b9"),
        },
        { namespace: "web", name: "frontend-7d9f8c6b5-z9z8x" },
      ],
    },
  ),
  "steady with something in the way": seenWith(
    {
      phase: "Initialized",
      canaryWeight: 0,
      reason: "Service podinfo has no port 80 (it has 9898): correct spec.service.port.",
      next: "",
    },
    { workload: idleWorkload },
  ),
  scaling: seenWith({
    canaryWeight: 0,
    run: runIn("scaling", { step: 0, startedAt: ago(3), stageAt: ago(3) }),
    reason: "0 of 1 canary pods are ready.",
    next: "Weight 10 when they are.",
  }),
  progressing: seenWith(progressing),
  "held for want of evidence": seenWith(
    {
      ...progressing,
      run: { ...aRun, hold: "unreached", holdSince: ago(95) },
      tracks: silentTracks,
      checks: [
        aCheck({
          outcome: "no-evidence",
          value: null,
          requests: 0,
          message: "no user request reached the canary in 60s, at weight 20",
        }),
        { ...latencyCheck, outcome: "no-evidence", value: null, requests: 0 },
      ],
      staleCallers: ["test/load-5f7d8c6b9-x2x4k"],
      reason: "Held at weight 20: no user request has reached the canary for 95s.",
      next: "Goes on as soon as requests arrive; given up in 28m25s.",
    },
    {
      callers: [
        {
          namespace: "test",
          name: "load-5f7d8c6b9-x2x4k",
          pod: aPod("load-5f7d8c6b9-x2x4k", "load-5f7d8c6b9", "5f7d8c6b9"),
        },
      ],
    },
  ),
  "held because someone lowered the weight": seenWith(
    {
      ...progressing,
      reason: "Held: the weight was lowered to 5 by someone else; it is not raised again.",
      next: "Waits for promote or rollback.",
      phase: "WaitingPromotion",
      run: { ...aRun, hold: "lowered-by-hand", ceiling: 5, holdSince: ago(8) },
    },
    { route: lowered },
  ),
  "held for client errors": seenWith({
    ...progressing,
    ...heldForClientErrors,
    run: { ...aRun, ...clientErrorsHold, holdSince: ago(12) },
  }),
  "waiting for a person": seenWith({
    ...progressing,
    phase: "WaitingPromotion",
    run: runIn("analysing", {
      hold: "paused",
      holdSince: ago(90),
      paused: { by: "alice", at: ago(90), reason: "looking at the logs" },
    }),
    reason: "Paused by alice (looking at the logs): the weight stays at 20.",
    next: "Waits for resume, promote or rollback.",
  }),
  "paused for a while": seenWith({
    ...progressing,
    run: { ...aRun, hold: "paused", holdSince: ago(90), paused: { by: "alice", at: ago(90), until: ago(-1_710) } },
    reason: "Paused by alice for 30m: the weight stays at 20.",
    next: "Goes on by itself in 28m30s.",
  }),
  "not promoted because its user paused the Deployment": seenWith({
    ...progressing,
    phase: "WaitingPromotion",
    run: { ...aRun, step: 9, hold: "paused-by-user", holdSince: ago(40) },
    reason: "Every check passed, but Deployment podinfo was paused by its user: it is not promoted.",
    next: "Waits for kubectl rollout resume deployment/podinfo.",
  }),
  "failing checks": seenWith({
    ...progressing,
    failedChecks: 2,
    checks: [aCheck({ outcome: "fail", value: 71.2, message: "71.20% is below 99%" }), latencyCheck],
    reason: "Weight 20 is held: request-success-rate 71.20% is below 99%, 2 of 5 checks failed.",
    next: "Rolled back after 3 more failed checks.",
  }),
  "refused a promote": seenWith({
    ...progressing,
    lastCommand: {
      id: "x",
      verb: "promote",
      by: "bob",
      accepted: false,
      message: "the last check failed: request-success-rate 71.20% is below 99%; promote anyway with --force",
      at: ago(20),
    },
  }),
  promoting: seenWith({
    ...progressing,
    phase: "Promoting",
    canaryWeight: 100,
    run: runIn("promoting", { step: 9 }),
    reason: "The target rolls to 1.7.1: 2 of 4 pods are new and ready.",
    next: "Requests return to the target when all 4 are.",
  }),
  "rolling back": seenWith({
    ...progressing,
    canaryWeight: 0,
    run: runIn("draining", { ending: { outcome: "rejected", cause: "request-success-rate 71.20% is below 99%" } }),
    failedChecks: 5,
    checks: [aCheck({ outcome: "fail", value: 71.2, message: "71.20% is below 99%" }), latencyCheck],
    reason: "Rolling back: request-success-rate 71.20% is below 99%, 5 of 5 checks failed.",
    next: "The canary is scaled to 0 in 4s.",
  }),
  "rolling back for slowness": seenWith({
    ...progressing,
    ...takenBack(slow),
    canaryWeight: 0,
    run: runIn("draining", { ending: { outcome: "rejected", cause: slow } }),
  }),
  "rolling back for refused requests": seenWith({
    ...progressing,
    ...takenBack(refused),
    canaryWeight: 0,
    run: runIn("draining", { ending: { outcome: "rejected", cause: refused } }),
  }),
  "backing out of a promotion": seenWith({
    ...progressing,
    phase: "Promoting",
    canaryWeight: 0,
    run: runIn("restoring", { step: 9, ending: { outcome: "rejected", cause: "rolled back by alice" } }),
    reason: "Rolling back: putting podinfo:1.7.0 back into Deployment podinfo.",
    next: "traffic goes to the primary when all of its pods are back on stable",
  }),
  failed: seenWith(
    {
      phase: "Failed",
      canaryWeight: 0,
      lastTransitionTime: ago(120),
      reason: "Run 3 was rejected: request-success-rate 71.20% is below 99%.",
      next: "Stays held until another change of deployment/podinfo.",
      history: [promotedRun, rejectedRun],
      rejected: [{ hash: "v1-bb", at: ago(120), cause: rejectedRun.cause }],
      tracks,
      checks: [aCheck({ outcome: "fail", value: 71.2, message: "71.20% is below 99%" }), latencyCheck],
    },
    { workload: idleWorkload },
  ),
  "running an unvetted change": seenWith(
    {
      phase: "Initialized",
      canaryWeight: 0,
      reason: "podinfo:1.7.2 went live without a canary: the webhook was bypassed.",
      next: "Waits for adopt or undo; no canary starts before.",
      unvetted: {
        hash: "v1-cc",
        images: { podinfod: "quay.io/stefanprodan/podinfo:1.7.2" },
        by: "carol",
        how: "break-glass",
        at: ago(300),
      },
      history: [promotedRun],
    },
    { workload: idleWorkload },
  ),
  "left by its controller": seenWith(progressing, { lease: aLease(190) }),
  "not readable beside its status": seenWith(progressing, {
    route: undefined,
    target: undefined,
    workload: undefined,
    lease: undefined,
    unread: [
      "Not shown: TrafficSplit podinfo, needs permission to get trafficsplits.split.smi-spec.io in namespace test.",
    ],
  }),
};
