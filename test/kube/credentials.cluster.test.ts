/** Every way to log in that a kubeconfig commonly names, against an API server that checks. */
import { copyFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type Cluster } from "../../shared/kube/cluster.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";
import { systemClock } from "../../shared/kube/clock.ts";

let plane: ControlPlane;
beforeAll(async () => (plane = await startControlPlane()));
afterAll(() => plane.stop());

/** A connection with this user entry, as kubeconfig files spell it. */
function as(user: object, cluster: object = {}): Cluster {
  const server = `https://127.0.0.1:${plane.port}`;
  const config = {
    clusters: [{ name: "c", cluster: { server, "certificate-authority": join(plane.dir, "ca.crt"), ...cluster } }],
    users: [{ name: "someone", user }],
    contexts: [{ name: "here", context: { cluster: "c", user: "someone" } }],
    "current-context": "here",
  };
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(JSON.stringify(config));
  return connect(kubeConfig, { timers: systemClock });
}

async function whoAmI(cluster: Cluster): Promise<string> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const answer = await cluster.raw("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
  return (answer as { status: { userInfo: { username: string } } }).status.userInfo.username;
}

const adminToken = (): string => plane.kubeConfig().getCurrentUser()?.token ?? "";

describe("logging in", () => {
  it("works with a client certificate, and sees it renewed in its file", async () => {
    const [certificate, key] = [join(plane.dir, "me.crt"), join(plane.dir, "me.key")];
    const use = async (name: string): Promise<void> => {
      await copyFile(join(plane.dir, `${name}.crt`), certificate);
      await copyFile(join(plane.dir, `${name}.key`), key);
    };
    await use("kubelet");
    const cluster = as({ "client-certificate": certificate, "client-key": key });
    expect(await whoAmI(cluster)).toMatch(/^system:node:/);
    await use("apiserver-kubelet");
    expect(await whoAmI(cluster)).toBe("kube-apiserver");
  });

  it("works with a token, and with a token from a file that ends in a newline", async () => {
    expect(await whoAmI(as({ token: adminToken() }))).toBe("admin");
    const tokenFile = join(plane.dir, "token");
    await writeFile(tokenFile, `${adminToken()}\n`);
    expect(await whoAmI(as({ "auth-provider": { name: "tokenFile", config: { tokenFile } } }))).toBe("admin");
  });

  it("works with a credential plugin, which is told what it may expect", async () => {
    const script = `
      const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      process.stdout.write(JSON.stringify({ apiVersion, kind, status: { token: process.env.TOKEN } }));`;
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: process.execPath,
      args: ["-e", script],
      env: [{ name: "TOKEN", value: adminToken() }],
    };
    expect(await whoAmI(as({ exec }))).toBe("admin");
  });

  it("says what a credential plugin said when it fails, or that it is missing", async () => {
    const apiVersion = "client.authentication.k8s.io/v1";
    const failing = { apiVersion, command: "sh", args: ["-c", "echo your session is over, run login >&2; exit 1"] };
    await expect(as({ exec: failing }).raw("GET", "/version")).rejects.toMatchObject({
      code: "Unauthorized",
      message: 'No credentials could be had for user "someone" of the kubeconfig: your session is over, run login',
    });
    const missing = { apiVersion, command: "no-such-credential-plugin" };
    await expect(as({ exec: missing }).raw("GET", "/version")).rejects.toMatchObject({
      message: expect.stringContaining("spawn no-such-credential-plugin ENOENT") as string,
    });
  });

  it("does not trust a server that another authority vouches for", async () => {
    const other = { "certificate-authority": join(plane.dir, "front-proxy-ca.crt") };
    await expect(as({ token: adminToken() }, other).raw("GET", "/version")).rejects.toMatchObject({
      code: "Untrusted",
      retry: false,
    });
  });

  it("impersonates whom the kubeconfig names", async () => {
    expect(await whoAmI(as({ token: adminToken(), as: "ada" }))).toBe("ada");
  });

  it("knows a login page from an API server, and sends no token over plain HTTP", async () => {
    const authorizations: (string | undefined)[] = [];
    const page = createServer((request, response) => {
      authorizations.push(request.headers.authorization);
      response.end("<html>Please log in</html>");
    }).listen(0, "127.0.0.1");
    await once(page, "listening");
    const server = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
    const cluster = as({ token: adminToken() }, { server });
    await expect(
      cluster.get({ group: "", version: "v1", plural: "pods", kind: "Pod" }, { name: "a", namespace: "b" }),
    ).rejects.toMatchObject({ code: "Unexpected", message: expect.stringContaining("is not an API server") as string });
    expect(authorizations).toEqual([undefined]);
    page.closeAllConnections();
    page.close();
  });
});
