// Two replicas that keep certificates on a real API server, whose lifetimes are seconds: every handover that a year has,
// under 50 admissions a second, each with a TLS handshake of its own. Then another issuer takes over.
import { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { startControlPlane, type ControlPlane } from "../../kube/control-plane.ts";
import {
  balance,
  changeUntil,
  createConfigurations,
  createTarget,
  untilTrusted,
  isSignedByOne,
  Replica,
  StandInIssuer,
  trusted,
} from "./certificates.ts";

const forMs = 64_000;

let plane: ControlPlane;
let cluster: Cluster;

beforeAll(async () => {
  plane = await startControlPlane();
  cluster = plane.cluster();
  await createTarget(cluster);
});

afterAll(() => plane.stop());

const becomes = (what: string, is: () => boolean, withinMs = 60_000): Promise<true> =>
  waitFor(() => (is() ? true : unmet("not yet")), withinMs, what, 10);

describe("two replicas that keep certificates", () => {
  it("agree on one, and pass through every renewal without a refused or unasked admission", async () => {
    const replicas = await Promise.all([Replica.start(cluster, "own"), Replica.start(cluster, "own")]);
    const balancer = await balance(replicas);
    try {
      await createConfigurations(cluster, (balancer.address() as AddressInfo).port);
      await becomes("both ready", () => replicas.every(({ isReady }) => isReady));
      await becomes("one certificate", () => replicas[0]?.current === replicas[1]?.current);
      await untilTrusted(cluster);
      const end = performance.now() + forMs;
      const isOver = (): boolean => performance.now() >= end;
      const [authorities, { changes, failures }] = await Promise.all([
        watchTrust(replicas, isOver),
        changeUntil(cluster, isOver),
      ]);
      process.stdout.write(`${changes} admissions, ${failures.length} failed, ${authorities.size} authorities\n`);
      expect(failures).toEqual([]);
      expect(changes).toBeGreaterThan(500);
      // Enough time for a second authority to serve and a third to be trusted, and for serving certificates between.
      expect(authorities.size).toBeGreaterThanOrEqual(3);
      expect(replicas[0]?.served.length).toBeGreaterThanOrEqual(4);
      expect((await trusted(cluster)).length).toBeLessThanOrEqual(2);
    } finally {
      balancer.close();
      await Promise.all(replicas.map((replica) => replica.stop()));
    }
  });
});

describe("a replica that serves what cert-manager issues", () => {
  it("waits for it, keeps whom others serve by, and serves a new CA's once that is trusted", async () => {
    const issuer = new StandInIssuer(cluster);
    const before = await trusted(cluster);
    const replica = await Replica.start(cluster, "cert-manager");
    try {
      await becomes("the reason", () => /has not written Secret tls yet/.test(replica.certificates.notReady() ?? ""));
      await issuer.issue({ newAuthority: true });
      await becomes("ready", () => replica.isReady);
      expect(replica.current).toBe(issuer.serving?.cert);
      const [first, valid] = [issuer.authority?.cert, before.filter((cert) => !hasExpired(cert))];
      expect(await trusted(cluster)).toEqual(expect.arrayContaining([first, ...valid]));
      await issuer.issue({ newAuthority: true });
      await becomes("the next to be served", () => replica.current === issuer.serving?.cert);
      // The other replica may take a while.
      expect(await trusted(cluster)).toEqual(expect.arrayContaining([issuer.authority?.cert, first]));
    } finally {
      await replica.stop();
    }
  });

  it("are ready without the validating configuration, which only warns, and not without the mutating one", async () => {
    await cluster.delete(resource.validatingWebhookConfigurations, { name: "validating" });
    const replica = await Replica.start(cluster, "own");
    try {
      await becomes("ready", () => replica.isReady);
      await cluster.delete(resource.mutatingWebhookConfigurations, { name: "mutating" });
      await becomes("not ready", () => !replica.isReady);
    } finally {
      await replica.stop();
    }
  });
});

const hasExpired = (cert: string): boolean => Date.parse(new X509Certificate(cert).validTo) <= Date.now();

const betweenLooksMs = 100;

/** Whatever is served is valid and trusted at every moment. Returns the authorities that there have been. */
async function watchTrust(replicas: readonly Replica[], isOver: () => boolean): Promise<Set<string>> {
  const authorities = new Set<string>();
  while (!isOver()) {
    const serving = replicas.map(({ current }) => current);
    const now = await trusted(cluster);
    now.forEach((cert) => authorities.add(cert));
    for (const cert of serving) {
      expect(isSignedByOne(cert, now)).toBe(true);
      expect(hasExpired(cert)).toBe(false);
    }
    expect(replicas.every(({ isReady }) => isReady)).toBe(true);
    await delay(betweenLooksMs);
  }
  return authorities;
}
