// Certificates of cert-manager, under load: its stand-in first, which renews more often than any issuer would; then the
// real one, of version 1.11.
import { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { KubeConfig, type V1Lease, type V1Secret } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaseAnnotation, leaseName } from "../../../shared/core/objects/names.ts";
import { connect, type Cluster } from "../../../shared/kube/cluster.ts";
import { startCertManager } from "../../admission/certificates/cert-manager.ts";
import * as certificates from "../../admission/certificates/certificates.ts";
import { Target } from "../../admission/target.ts";
import { installChart, release } from "../../chart/install.ts";
import { kubectl, mustKubectl } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { paths } from "../../cluster/layout.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { startControlPlane, type ControlPlane } from "../../kube/control-plane.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

const { balance, changeUntil, createConfigurations, createTarget, Replica, StandInIssuer, untilTrusted } = certificates;

describe("two replicas, a stand-in for cert-manager that renews every ten seconds, and a controller that issues its own", () => {
  let plane: ControlPlane;
  let cluster: Cluster;

  beforeAll(async () => {
    plane = await startControlPlane();
    cluster = plane.cluster();
    await createTarget(cluster);
  });

  afterAll(() => plane.stop());

  it("no admission is refused or unasked, whatever is renewed, and when the issuer changes", async () => {
    const issuer = new StandInIssuer(cluster);
    // As while a chart goes from one issuer to the other: one pod is of before, one of after.
    const replicas = await Promise.all([Replica.start(cluster, "own"), Replica.start(cluster, "cert-manager")]);
    const [old, young] = replicas;
    const serving = [old];
    const balancer = await balance(serving);
    try {
      await createConfigurations(cluster, (balancer.address() as AddressInfo).port, "cert-manager");
      await waitFor(() => (old.isReady ? true : unmet("not ready")), 10_000, "the old pod", 10);
      await untilTrusted(cluster);
      let isOver = false;
      let changed = 0;
      const changes = changeUntil(cluster, () => isOver, { changed: () => void (changed += 1) });
      const underLoad = (): Promise<unknown> => {
        const enough = changed + 200;
        return waitFor(() => (changed >= enough ? true : unmet(`${changed}`)), 60_000, `${enough} admissions`);
      };
      await issuer.issue({ newAuthority: true });
      await waitFor(() => (young.isReady ? true : unmet("not ready")), 10_000, "the young pod", 10);
      serving.push(young);
      await underLoad();
      const third = await Replica.start(cluster, "cert-manager");
      await waitFor(() => (third.isReady ? true : unmet("not ready")), 10_000, "the third pod", 10);
      serving.splice(0, 1, third);
      // While a pod ends, it may still say whom it wants to be trusted.
      await underLoad();
      await old.stop();
      for (const newAuthority of [true, false, true]) {
        await issuer.issue({ newAuthority });
        const isServed = (): boolean => serving.every(({ current }) => current === issuer.serving?.cert);
        await waitFor(() => isServed() || unmet("the one before"), 30_000, "the new certificate to be served");
        await underLoad();
      }
      isOver = true;
      const { changes: count, failures } = await changes;
      process.stdout.write(`${count} admissions, ${failures.length} failed\n`);
      expect(failures).toEqual([]);
    } finally {
      balancer.close();
      await Promise.all([...replicas, ...serving].map((replica) => replica.stop()));
    }
  });
});

describe("the chart beside cert-manager", () => {
  const certificateOf = async (): Promise<Partial<Record<"issuer" | "expires", string>>> => {
    const { metadata } = await getJson<V1Lease>(["-n", release.namespace, "lease", leaseName]);
    const notes = metadata?.annotations ?? {};
    const { certificateIssuer, certificateExpires } = leaseAnnotation;
    return { issuer: notes[certificateIssuer] ?? "", expires: notes[certificateExpires] ?? "" };
  };
  const inRelease = (...args: string[]): Promise<string> => mustKubectl(["-n", release.namespace, ...args]);
  const install = (...helmArgs: string[]): Promise<void> =>
    installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs });
  const target = new Target("cert-manager-load");

  async function mayWrite(verb: string): Promise<string> {
    const account = `system:serviceaccount:${release.namespace}:${release.name}`;
    const { stdout } = await kubectl(["auth", "can-i", verb, "secrets", "-n", release.namespace, "--as", account]);
    return stdout.trim();
  }

  /** Both CAs, the old one and the new, in every configuration. */
  async function bundleSize(): Promise<number> {
    const path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    const bundle = await mustKubectl(["get", "mutatingwebhookconfiguration", `zz-${release.name}`, "-o", path]);
    return Buffer.from(bundle, "base64").toString().split("BEGIN CERTIFICATE").length - 1;
  }

  const served = (serial: string): Promise<true> =>
    waitFor(
      async () => {
        const pods = (
          await inRelease("get", "pods", "-l", `app.kubernetes.io/name=${release.name}`, "-o", "name")
        ).trim();
        const logs = await Promise.all(pods.split("\n").map((pod) => inRelease("logs", pod)));
        const taken = logs.map((log) =>
          log
            .split("\n")
            .filter((line) => line.includes("serving certificate taken"))
            .at(-1),
        );
        return taken.every((line) => line?.includes(serial)) ? true : unmet(JSON.stringify(taken));
      },
      60_000,
      `every pod to serve ${serial}`,
    );

  async function serialOf(): Promise<string> {
    const cert = await waitFor(
      async () => {
        const { stdout, code } = await kubectl([
          "-n",
          release.namespace,
          "get",
          "secret",
          `${release.name}-tls`,
          "-o",
          "json",
        ]);
        const text = code === 0 ? (JSON.parse(stdout) as V1Secret).data?.["tls.crt"] : undefined;
        return text ? text : unmet("no certificate");
      },
      60_000,
      "cert-manager to issue",
    );
    return new X509Certificate(Buffer.from(cert, "base64")).serialNumber;
  }

  it("no admission is refused or unasked: on the way to it, through a new CA of its own, and on the way back", async () => {
    const certManager = await startCertManager();
    await target.create();
    // A leader gives back what is gated without a Canary, and here pods are replaced.
    await target.suspendedCanary();
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(paths.kubeconfig);
    const cluster = connect(kubeConfig, { timers: systemClock, timeoutMs: 20_000 });
    let isOver = false;
    const changes = changeUntil(cluster, () => isOver, { inNamespace: target.namespace });
    try {
      await install();
      const first = await serialOf();
      await served(first);
      expect((await certificateOf()).issuer).toBe("cert-manager");
      expect(await Promise.all(["create", "update", "patch", "list"].map(mayWrite))).toEqual(["no", "no", "no", "no"]);
      const { stdout } = await kubectl(["canary", "version"]);
      expect(stdout).toMatch(/^Certificate: 89 days left {3}renewed by cert-manager, before /m);
      // As at the end of the CA's life: another CA, which signs the next serving certificate.
      await inRelease("delete", "secret", `${release.name}-ca`);
      await inRelease("wait", "certificate", `${release.name}-ca`, "--for=condition=Ready", "--timeout=60s");
      await inRelease("delete", "secret", `${release.name}-tls`);
      const second = await serialOf();
      expect(second).not.toBe(first);
      await served(second);
      expect(await bundleSize()).toBeGreaterThanOrEqual(2);
      await install("--set", "webhook.certManager.enabled=false");
      await waitFor(
        async () => ((await certificateOf()).issuer === "own" ? true : unmet("cert-manager")),
        30_000,
        "our own certificate",
      );
    } finally {
      isOver = true;
      const { changes: count, failures } = await changes;
      process.stdout.write(`${count} admissions on the cluster, ${failures.length} failed\n`);
      await mustKubectl(["delete", "namespace", target.namespace, "--wait=false"]);
      await install("--set", "webhook.certManager.enabled=false");
      await certManager.remove();
      await inRelease("delete", "secret", `${release.name}-ca`, `${release.name}-tls`, "--ignore-not-found");
    }
    expect((await changes).failures).toEqual([]);
  });
});
