/**
 * Every name, label and annotation key that we write into a cluster, spelled once.
 * Marks are labels where they must survive `rollout undo` and status writers, which copy or drop annotations.
 */
const prefix = "kubectl-canary.io";

/** Field manager and `app.kubernetes.io/managed-by` value of everything we write. */
export const manager = "kubectl-canary";

export const label = {
  /** On a target: its own UID. Opts the Deployment in; a copy carries the wrong UID and is thereby known as a copy. */
  target: `${prefix}/target`,
  /** On a target whose rollout we hold: what `spec.paused` was before us, see {@link heldValue}. */
  held: `${prefix}/held`,
  /** On a target that rolls to a judged intent: the run's id. A template change is refused while it is there. */
  promoting: `${prefix}/promoting`,
  /** On a target: pod-template-hash of the ReplicaSet that is stable, so that it can be found without a Canary. */
  stable: `${prefix}/stable`,
  /** On what we create (canary Deployment, Services, route): the Canary's name. */
  canary: `${prefix}/canary`,
  /** On the canary Deployment and the leaf Services: the Canary's UID and what it made, see `sealOf`. A copy of another name has it wrong. */
  canaryUid: `${prefix}/canary-uid`,
  /** On the canary Deployment: hash of the intent that it runs. */
  intent: `${prefix}/intent`,
  /** On a target, in the old and the new object: lets one template change pass unheld (break-glass). */
  bypass: `${prefix}/bypass`,
  /** On the canary Deployment: the last run that is over, whose writes thereby come too late. */
  over: `${prefix}/over`,
  /** On a Secret, `true`: MetricTemplates of its namespace may take credentials from it. */
  credentials: `${prefix}/metrics-credentials`,
  managedBy: "app.kubernetes.io/managed-by",
  podTemplateHash: "pod-template-hash",
} as const;

export const annotation = {
  /** On a target: who asked for the intent that is held; believed only beside the held label. */
  requestedBy: `${prefix}/requested-by`,
  /** On a route: the canary weight of our own last write. Another weight beside it was set by someone else. */
  weight: `${prefix}/weight`,
  /** On a route: the last run that is over, whose writes thereby come too late. */
  over: `${prefix}/over`,
  /** On a Canary: a command of the plugin, JSON of `Command`. */
  command: `${prefix}/command`,
  /** On such a Secret: the hosts that it may be sent to, with port where it is not the scheme's, comma-separated. */
  credentialsHost: `${prefix}/metrics-host`,
  /** On our webhook configurations: the Secret that the serving certificate is in. */
  certificateSecret: `${prefix}/certificate-secret`,
} as const;

/** On the leader's Lease, which everyone may read: moments of the webhook's serving certificate. */
export const leaseAnnotation = {
  /** `own` or `cert-manager`. */
  certificateIssuer: `${prefix}/certificate-issuer`,
  certificateExpires: `${prefix}/certificate-expires`,
  /** When it must have been renewed, or something is wrong. */
  certificateRenewBy: `${prefix}/certificate-renew-by`,
} as const;

/** Labels of ours on a target that no writer may change; carried over at admission. */
export const targetLabels = [label.target, label.held, label.promoting, label.stable] as const;

/** Values of the held label: whether the user had paused the rollout before we did. */
export const heldValue = { running: "running", pausedByUser: "paused-by-user" } as const;

export const kind = {
  canary: { group: "flagger.app", version: "v1beta1", plural: "canaries", kind: "Canary" },
  trafficSplit: { group: "split.smi-spec.io", plural: "trafficsplits", kind: "TrafficSplit" },
  httpRoute: { group: "gateway.networking.k8s.io", plural: "httproutes", kind: "HTTPRoute" },
} as const;

/** Lease of the leader, in the controller's namespace. */
export const leaseName = "kubectl-canary-leader";

/** ControllerRevision with the template of a target's stable version, which outlives the target's ReplicaSets. */
export const keptName = (target: string): string => `${target}-stable`;

/** Suffix of the leaf Service that selects stable. */
export const primaryName = (apex: string): string => `${apex}-primary`;
/** Suffix of the canary Deployment, its leaf Service, and the one selector label value that differs. */
export const canaryName = (name: string): string => `${name}-canary`;
