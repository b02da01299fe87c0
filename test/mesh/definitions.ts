// Custom resources of Linkerd's that the stand-in mesh knows, with as much of a schema as it reads. Linkerd's own
// definitions are installed by its chart, which cannot be had here.
import type { Manifest } from "../cluster/api.ts";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const open: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const list = (items: Schema): Schema => ({ type: "array", items });
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: "object",
  properties,
  ...(required.length > 0 ? { required } : {}),
  "x-kubernetes-preserve-unknown-fields": true,
});

const intOrString: Schema = { "x-kubernetes-int-or-string": true };
const ref = object({ group: text, kind: text, name: text, namespace: text }, ["kind", "name"]);
const selector = object({
  matchLabels: { type: "object", additionalProperties: text },
  matchExpressions: list(object({ key: text, operator: text, values: list(text) }, ["key", "operator"])),
});

const server = object({ podSelector: selector, port: intOrString, proxyProtocol: text, accessPolicy: text }, [
  "podSelector",
  "port",
]);

interface Kind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** The stored one first. */
  readonly versions: readonly string[];
  readonly spec: Schema;
}

const kinds: readonly Kind[] = [
  {
    group: "linkerd.io",
    kind: "ServiceProfile",
    plural: "serviceprofiles",
    versions: ["v1alpha2"],
    spec: object({
      dstOverrides: list(object({ authority: text, weight: intOrString }, ["authority", "weight"])),
      routes: list(open),
    }),
  },
  {
    group: "policy.linkerd.io",
    kind: "Server",
    plural: "servers",
    versions: ["v1beta3", "v1beta2", "v1beta1"],
    spec: server,
  },
  {
    group: "policy.linkerd.io",
    kind: "AuthorizationPolicy",
    plural: "authorizationpolicies",
    versions: ["v1alpha1"],
    spec: object({ targetRef: ref, requiredAuthenticationRefs: list(ref) }, [
      "targetRef",
      "requiredAuthenticationRefs",
    ]),
  },
  {
    group: "policy.linkerd.io",
    kind: "MeshTLSAuthentication",
    plural: "meshtlsauthentications",
    versions: ["v1alpha1"],
    spec: object({ identities: list(text), identityRefs: list(ref) }),
  },
  {
    group: "policy.linkerd.io",
    kind: "NetworkAuthentication",
    plural: "networkauthentications",
    versions: ["v1alpha1"],
    spec: object({ networks: list(object({ cidr: text, except: list(text) }, ["cidr"])) }, ["networks"]),
  },
];

/** For `applyDefinitions`. */
export const linkerdDefinitions: readonly Manifest[] = kinds.map(({ group, kind, plural, versions, spec }) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: "Namespaced",
    names: { kind, plural, singular: kind.toLowerCase() },
    versions: versions.map((name, at) => ({
      name,
      served: true,
      storage: at === 0,
      schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
    })),
  },
}));
