/**
 * Every name, label and annotation key that we write into a cluster, spelled once.
 * Marks are labels where they must survive `rollout undo` and status writers, which copy or drop annotations.
 */
import { checksum } from "../format/checksum.ts";

const prefix = "kubectl-canary.io";

/** Field manager and `app.kubernetes.io/managed-by` value of everything we write. */
export const manager = "kubectl-canary";

/** Flagger's, where `spec.revertOnDeletion` was set. */
export const flaggerFinalizer = "finalizer.flagger.app";

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
  /** On a Secret, `true`: AlertProviders of its namespace may post to the address in it. */
  alertCredentials: `${prefix}/alert-credentials`,
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
  /** On a route of ours: which rules beside the one for all requests are ours, by the strategy of the run. */
  rules: `${prefix}/rules`,
  /** On what we made: what of it comes from the Canary's spec, see `from-spec.ts`. */
  fromSpec: `${prefix}/from-spec`,
  /** On a Canary: a command of the plugin, JSON of `Command`. */
  command: `${prefix}/command`,
  /** On a Canary, `flagger`: a person has left it to Flagger, and nothing of ours is made for it or kept. */
  leftTo: `${prefix}/left-to`,
  /** On a Canary: `KIND/NAME`, comma-separated, of what selects one track's pods only and is meant to. */
  acceptedPolicies: `${prefix}/accepted-policies`,
  /** On a Canary, `enabled`: a change of what its target's template refers to starts a run. */
  configTracking: `${prefix}/config-tracking`,
  /** On a target's pod template: which data of its ConfigMaps and Secrets it stands for. Our own, whatever a writer sends. */
  config: `${prefix}/config`,
  /** Flagger's, on a ConfigMap or a Secret: `disabled`, and nothing starts by its changes. */
  flaggerTracking: "flagger.app/config-tracking",
  /** On such a Secret: the hosts that it may be sent to, with port where it is not the scheme's, comma-separated. */
  credentialsHost: `${prefix}/metrics-host`,
  /** On our webhook configurations: the Secret that the serving certificate is in. */
  certificateSecret: `${prefix}/certificate-secret`,
} as const;

const ownKeys: ReadonlySet<string> = new Set([...Object.values(label), ...Object.values(annotation)]);

/** A label or an annotation that we read or write. */
export const isOurKey = (key: string): boolean => ownKeys.has(key);

/** On the leader's Lease, which everyone may read: which namespaces are looked after, and moments of the webhook's serving certificate. */
export const leaseAnnotation = {
  /** `own` or `cert-manager`. */
  certificateIssuer: `${prefix}/certificate-issuer`,
  certificateExpires: `${prefix}/certificate-expires`,
  /** When it must have been renewed, or something is wrong. */
  certificateRenewBy: `${prefix}/certificate-renew-by`,
  /** Comma-separated; empty: all. */
  watchNamespaces: `${prefix}/watch-namespaces`,
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

/** What Flagger calls the Deployment that it makes of a target; we make none. */
export const primaryName = (target: string): string => `${target}-primary`;

/** The canary Deployment of a target; of a name above 45 characters it is derived, see {@link suffixed}. */
export const canaryName = (target: string): string => suffixed(target, "-canary", longestWorkload);

/** The leaf Services of an apex. */
export const primaryLeaf = (apex: string): string => suffixed(apex, "-primary", longestLabel);
export const canaryLeaf = (apex: string): string => suffixed(apex, "-canary", longestLabel);

/** The one selector label value that differs, made of stable's. */
export function canaryValue(value: string): string {
  return suffixed(value, "-canary", longestLabel);
}

/** A label's value, and a Service's name. */
export const longestLabel = 63;

/** Kubernetes makes pods' names of 58 characters of their ReplicaSet's: five of the version's hash remain. */
const longestWorkload = 52;

/**
 * `<name><suffix>`; of a name too long for that the first part stays, and what was cut is told apart by a checksum of the whole. What is
 * made of a name must not change between versions of ours: objects in clusters have it.
 */
function suffixed(name: string, suffix: string, longest: number): string {
  const whole = `${name}${suffix}`;
  if (whole.length <= longest) return whole;
  const end = `-${checksum(name)}${suffix}`;
  const start = name.slice(0, longest - end.length);
  // No part of a Kubernetes name may begin with a hyphen.
  return `${start.endsWith(".") ? start.slice(0, -1) : start}${end}`;
}
