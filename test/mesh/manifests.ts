// The objects of the stand-in mesh's control plane.
import type { Manifest } from "../cluster/api.ts";
import type { ServingCertificate } from "./certificate.ts";
import { controlNamespace, destinationsPort, meshImage, meshName, webhookPort } from "./settings.ts";

const labels = { "linkerd.io/control-plane-component": meshName };
const metadata = { name: meshName, namespace: controlNamespace, labels };
const cluster = { name: meshName, labels };

export const secretName = `${meshName}-tls`;
export const secretPath = `/api/v1/namespaces/${controlNamespace}/secrets/${secretName}`;

/** DNS names by which the API server reaches the injector. */
export const servingNames = [`${meshName}.${controlNamespace}.svc`];

/** In the order of creation. `version` is anything that changes when the image or the certificate does. */
export function meshManifests(certificate: ServingCertificate, version: string): Manifest[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: controlNamespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    ...access,
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { ...metadata, name: secretName },
      type: "kubernetes.io/tls",
      data: { "tls.crt": btoa(certificate.certificatePem), "tls.key": btoa(certificate.keyPem) },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        selector: labels,
        ports: [
          { name: "injector", port: 443, targetPort: webhookPort },
          { name: "destinations", port: destinationsPort, targetPort: destinationsPort },
        ],
      },
    },
    deployment(version),
  ];
}

const access: Manifest[] = [
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: cluster,
    rules: [
      { apiGroups: [""], resources: ["pods", "services"], verbs: ["list", "watch"] },
      { apiGroups: [""], resources: ["namespaces"], verbs: ["get", "list", "watch"] },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      { apiGroups: ["split.smi-spec.io"], resources: ["trafficsplits"], verbs: ["list", "watch"] },
      { apiGroups: ["linkerd.io"], resources: ["serviceprofiles"], verbs: ["list", "watch", "create", "update"] },
      { apiGroups: ["policy.linkerd.io"], resources: ["*"], verbs: ["list", "watch"] },
      { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: ["list", "watch"] },
      { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes/status"], verbs: ["update"] },
    ],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: cluster,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: meshName },
    subjects: [{ kind: "ServiceAccount", name: meshName, namespace: controlNamespace }],
  },
];

function deployment(version: string): Manifest {
  const fromSecret = (name: string, key: string): unknown => ({
    name,
    valueFrom: { secretKeyRef: { name: secretName, key } },
  });
  const container = {
    name: meshName,
    image: meshImage,
    imagePullPolicy: "IfNotPresent",
    args: ["control"],
    env: [fromSecret("TLS_CERT", "tls.crt"), fromSecret("TLS_KEY", "tls.key")],
    ports: [{ containerPort: webhookPort }, { containerPort: destinationsPort }],
    readinessProbe: { httpGet: { path: "/ready", port: destinationsPort }, periodSeconds: 1 },
    resources: { requests: { cpu: "10m", memory: "64Mi" } },
    securityContext: { runAsUser: 65534, runAsNonRoot: true, allowPrivilegeEscalation: false },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      // The old one answers until the new one is ready: no pod is created without its sidecar in between.
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels, annotations: { "stand-in-mesh/version": version } },
        spec: { serviceAccountName: meshName, terminationGracePeriodSeconds: 5, containers: [container] },
      },
    },
  };
}

/**
 * Asked for each new pod, with the failure policy of Linkerd's HA values: a pod waits for an injector that is away or busy. By the
 * default, Ignore, it would start without a sidecar, and a test would look at callers that no route has power over.
 */
export function injectorConfiguration(certificate: ServingCertificate): Manifest {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: `${meshName}-injector`, labels },
    webhooks: [
      {
        name: "injector.stand-in-mesh.local",
        admissionReviewVersions: ["v1"],
        clientConfig: {
          service: { name: meshName, namespace: controlNamespace, path: "/inject", port: 443 },
          caBundle: btoa(certificate.certificatePem),
        },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
        namespaceSelector: {
          matchExpressions: [
            { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kube-system", controlNamespace] },
          ],
        },
        failurePolicy: "Fail",
        reinvocationPolicy: "IfNeeded",
        sideEffects: "None",
        timeoutSeconds: 10,
      },
    ],
  };
}
