/** What `doctor` says where users would not get what the pods answer, to the letter. */
import { expect, it } from "vitest";
import { defaultPolicyAnnotation } from "../../../shared/core/objects/inbound-policy.ts";
import { httpRoute } from "../../../shared/core/routes/routes.ts";
import { aProfile, soundFacts, type Break } from "../../../test/plugin/fixtures/doctor-facts.ts";
import { selectingRows, type SelectingRow } from "../../../test/plugin/fixtures/selecting.ts";
import { aCanary, aCheck, aRun, aStatus } from "../../../test/plugin/fixtures/seen.ts";
import { diagnose } from "./diagnose.ts";
import { renderDoctor } from "./render.ts";

const plain = { colour: false, unicode: true, width: 100 };
const shop = {
  metadata: { name: "shop", namespace: "test" },
  spec: { podSelector: { matchLabels: { app: "podinfo" } }, port: 9898 },
};
const callers = { metadata: { name: "shop-callers" }, spec: { targetRef: { kind: "Server", name: "shop" } } };
const policies =
  (defaultPolicy: string): Break =>
  () => ({
    policies: { servers: [shop], authorizations: [callers], serverAuthorizations: [], defaultPolicy },
  });

function usersRoute(filters: { type: string }[] = []): Break {
  const context = {
    canary: "podinfo",
    namespace: "test",
    uid: "1",
    apex: "podinfo",
    port: 9898,
    gatewayRefs: [],
    hosts: [],
  };
  const made = httpRoute.withWeight(
    httpRoute.build({ ...context, apiVersion: "gateway.networking.k8s.io/v1" }),
    "podinfo",
    20,
  );
  const rules = (made.spec["rules"] as object[]).map((rule) => ({
    ...rule,
    ...(filters.length > 0 ? { filters } : {}),
  }));
  const status = { parents: [{ conditions: [{ type: "Accepted", status: "True" }] }] };
  return () => ({
    route: { ...made, metadata: { name: "podinfo" }, spec: { ...made.spec, rules }, status },
    serviceProfiles: [],
  });
}

/** What the API server would list. */
function seesSelecting({ objects }: SelectingRow): Break {
  const all = (plural: string): never[] =>
    objects.flatMap(({ of, object }) => (of.plural === plural ? [object] : [])) as never[];
  return ({ deployments = [], services = [] }) => ({
    deployments: [...deployments, ...all("deployments")],
    services: services.map((one) =>
      one.metadata?.name === "podinfo" ? { ...one, metadata: { ...one.metadata, labels: { monitored: "yes" } } } : one,
    ),
    selecting: {
      networkPolicies: all("networkpolicies"),
      budgets: all("poddisruptionbudgets"),
      podMonitors: all("podmonitors"),
      serviceMonitors: all("servicemonitors"),
    },
  });
}

const unscraped = aCheck({
  outcome: "no-evidence",
  value: null,
  code: "unscraped",
  why: "Prometheus cannot scrape pod podinfo-canary-7c9d-bcdfg (up is 0), and no caller counted requests to it: what it answers is not known",
});

const situations: [string, Break][] = [
  ["policy would refuse every user of the canary", policies("deny")],
  ["policy leaves the canary open", policies("all-unauthenticated")],
  ...Object.entries(selectingRows("test")).map(([name, row]): [string, Break] => [name, seesSelecting(row)]),
  ["a route of the user's own names the canary all along", usersRoute()],
  ["a route of the user's own has a filter that voids it", usersRoute([{ type: "RequestMirror" }])],
  ["nobody carries out the TrafficSplit", () => ({ serviceProfiles: [] })],
  [
    "a ServiceProfile is left over an HTTPRoute",
    (facts) => ({ ...usersRoute()(facts), serviceProfiles: [aProfile([])] }),
  ],
  [
    "callers ignore the route",
    () => ({
      canary: aCanary(
        aStatus({
          run: aRun,
          staleCallers: ["test/load-6b4c8f7d5-x2x7p"],
          callerWorkloads: { "test/load-6b4c8f7d5-x2x7p": "deployment/load" },
        }),
      ),
    }),
  ],
  [
    "a canary pod cannot be scraped",
    () => ({ canary: aCanary(aStatus({ run: { ...aRun, hold: "no-evidence" }, checks: [unscraped] })) }),
  ],
];

it("names fault, proof and cure of each", async () => {
  expect(defaultPolicyAnnotation).toBe("config.linkerd.io/default-inbound-policy");
  const text = situations.map(([name, damage]) => {
    const sound = soundFacts();
    const found = diagnose({ ...sound, ...damage(sound) }).map((finding) => ({
      target: "deployment/podinfo",
      ...finding,
    }));
    const isSound = found.every(({ level }) => level === "warning");
    const head = { apiVersion: "kubectl-canary/v1", kind: "DoctorView", namespace: "test" } as const;
    const view = { ...head, sound: isSound, targets: ["deployment/podinfo"], findings: found, unread: [] };
    // How many kinds there are is for the page of doctor to say.
    return `== ${name}\n${renderDoctor(view, plain)}`.replace(/\d+ kinds of fault/g, "N kinds of fault");
  });
  await expect(text.join("\n")).toMatchFileSnapshot("../../../test/plugin/golden/doctor-users.txt");
});
