// Two replicas that keep certificates on a real API server, whose lifetimes are seconds: every handover that a year has.
import { X509Certificate } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Issued } from "../../webhook/certificates/issue.ts";
import { trustedByAll } from "../../webhook/certificates/store.ts";
import type { WebhookConfiguration } from "../../webhook/certificates/store.ts";
import { Certificates } from "../../webhook/certificates.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startControlPlane } from "../kube/control-plane.ts";
import type { ControlPlane } from "../kube/control-plane.ts";

const namespace = "default";
const host = "webhook.default.svc";
const lifetimes = { authorityMs: 15_000, servingMs: 6_000, overlapMs: 2_000 };

let plane: ControlPlane;
let cluster: Cluster;

class Replica {
  readonly served: Issued[] = [];
  readonly certificates: Certificates;

  constructor(name: string) {
    const serve = (certificate: Issued): void => void this.served.push(certificate);
    this.certificates = new Certificates(
      { cluster, clock: systemClock, random: Math.random, log: pino({ enabled: false, name }), serve },
      {
        ...{ namespace, secretName: "certificate", dnsNames: [host], lifetimes },
        ...{ mutatingConfiguration: "mutating", validatingConfiguration: "validating" },
      },
    );
    this.certificates.start();
  }

  get current(): string {
    return this.served.at(-1)?.cert ?? "";
  }
}

async function createConfiguration(kind: "Mutating" | "Validating"): Promise<void> {
  const of = kind === "Mutating" ? resource.mutatingWebhookConfigurations : resource.validatingWebhookConfigurations;
  const webhooks = ["a", "b"].map((name) => ({
    name: `${name}.kubectl-canary.io`,
    clientConfig: { service: { name: "webhook", namespace } },
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
  }));
  await cluster.create(of, { metadata: { name: kind.toLowerCase() }, webhooks });
}

/** What the API server trusts now. */
async function trusted(): Promise<string[]> {
  const configurations = await Promise.all([
    cluster.get<WebhookConfiguration>(resource.mutatingWebhookConfigurations, { name: "mutating" }),
    cluster.get<WebhookConfiguration>(resource.validatingWebhookConfigurations, { name: "validating" }),
  ]);
  return [...trustedByAll(configurations)];
}

const isSignedByOne = (cert: string, authorities: readonly string[]): boolean =>
  authorities.some((authority) => new X509Certificate(cert).verify(new X509Certificate(authority).publicKey));

beforeAll(async () => {
  plane = await startControlPlane();
  cluster = plane.cluster();
  await Promise.all([createConfiguration("Mutating"), createConfiguration("Validating")]);
});

afterAll(() => plane.stop());

describe("two replicas that keep certificates", () => {
  it("agree on one, and pass through every renewal with what they serve valid and trusted", async () => {
    const replicas = [new Replica("one"), new Replica("two")];
    try {
      const ready = (): boolean => replicas.every(({ certificates }) => certificates.notReady() === undefined);
      await waitFor(() => (ready() ? true : unmet("not ready")), 10_000, "both to be ready", 10);
      await waitFor(
        () => (replicas[0]?.current === replicas[1]?.current ? true : unmet("two")),
        5_000,
        "one certificate",
      );
      const authorities = new Set<string>();
      const end = performance.now() + 2 * lifetimes.authorityMs;
      while (performance.now() < end) {
        const serving = replicas.map(({ current }) => current);
        const now = await trusted();
        now.forEach((cert) => authorities.add(cert));
        for (const cert of serving) {
          expect(isSignedByOne(cert, now)).toBe(true);
          expect(Date.parse(new X509Certificate(cert).validTo)).toBeGreaterThan(Date.now());
        }
        expect(ready()).toBe(true);
        await delay(100);
      }
      // Enough time for a new authority twice, and for a serving certificate several times.
      expect(authorities.size).toBeGreaterThanOrEqual(3);
      expect(replicas[0]?.served.length).toBeGreaterThanOrEqual(5);
      expect((await trusted()).length).toBeLessThanOrEqual(2);
    } finally {
      await Promise.all(replicas.map(({ certificates }) => certificates.stop()));
    }
  });
});
