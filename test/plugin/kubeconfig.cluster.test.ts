/** Kubeconfig files and flags as kubectl takes them, against an API server that checks. */
import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect as dial } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../shared/kube/clock.ts";
import { connect } from "../../shared/kube/cluster.ts";
import { chooseCluster } from "../../plugin/cluster/kubeconfig.ts";
import type { ClusterFlags } from "../../plugin/cluster/flags.ts";
import { startControlPlane, type ControlPlane } from "../kube/control-plane.ts";

let plane: ControlPlane;
let proxy: Server;
let tunnels: string[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  // Whatever it is asked for leads to the API server.
  proxy = createServer().on("connect", (request, client) => {
    tunnels.push(request.url ?? "");
    const target = dial(plane.port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) socket.on("error", () => socket.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await plane.stop();
});

const token = (): string => plane.kubeConfig().getCurrentUser()?.token ?? "";
const proxyUrl = (): string => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

/** A kubeconfig in a folder of its own; returns its path. */
async function file(name: string, user: object, cluster: object = {}): Promise<string> {
  const folder = join(plane.dir, name);
  await mkdir(folder, { recursive: true });
  const server = `https://127.0.0.1:${plane.port}`;
  const config = {
    clusters: [{ name, cluster: { server, "certificate-authority": "../ca.crt", ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `of-${name}` } }],
    "current-context": name,
  };
  const path = join(folder, "config");
  await writeFile(path, JSON.stringify(config));
  return path;
}

interface Who {
  username: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

async function whoAmI(flags: ClusterFlags, env: Record<string, string> = {}): Promise<Who> {
  const { kubeConfig, headers } = chooseCluster(flags, env);
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const answer = await connect(kubeConfig, { headers, timers: systemClock }).raw("POST", path, review);
  return (answer as { status: { userInfo: Who } }).status.userInfo;
}

describe("a kubeconfig", () => {
  it("may name a token's file, from where it is itself", async () => {
    const kubeconfig = await file("token-file", { token: "stale", tokenFile: "token" });
    await writeFile(join(plane.dir, "token-file", "token"), `${token()}\n`);
    expect((await whoAmI({ kubeconfig })).username).toBe("admin");
  });

  it("may name a credential plugin by a path from where it is, and is told of the cluster", async () => {
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "./login.sh", provideClusterInfo: true };
    const kubeconfig = await file("exec", { exec: { ...exec, env: [{ name: "TOKEN", value: token() }] } });
    const script = `#!/bin/sh
case "$KUBERNETES_EXEC_INFO" in *'"server":"https://127.0.0.1'*'certificate-authority-data'*) ;; *) echo no cluster >&2; exit 1;; esac
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$TOKEN"
`;
    await writeFile(join(plane.dir, "exec", "login.sh"), script);
    await chmod(join(plane.dir, "exec", "login.sh"), 0o755);
    expect((await whoAmI({ kubeconfig })).username).toBe("admin");
  });

  it("has what is written in it before the files that it names", async () => {
    const ca = plane.kubeConfig().getCurrentCluster()?.caData ?? "";
    const cluster = { "certificate-authority-data": ca, "certificate-authority": "no-such-file" };
    expect((await whoAmI({ kubeconfig: await file("data", { token: token() }, cluster) })).username).toBe("admin");
  });

  it("impersonates with groups, UID and extra, which flags may override", async () => {
    const user = {
      token: token(),
      as: "ada",
      "as-uid": "u1",
      "as-groups": ["devs"],
      "as-user-extra": { "a/b": ["x"] },
    };
    const kubeconfig = await file("as", user);
    expect(await whoAmI({ kubeconfig })).toMatchObject({
      username: "ada",
      uid: "u1",
      groups: expect.arrayContaining(["devs"]) as string[],
      extra: { "a/b": ["x"] },
    });
    const other = await whoAmI({ kubeconfig, as: "bob", "as-group": ["ops"] });
    expect([other.username, other.groups?.includes("ops"), other.groups?.includes("devs")]).toEqual([
      "bob",
      true,
      false,
    ]);
  });

  it("may be several files, each with its own paths; the first context wins, and --context, --cluster and --user choose", async () => {
    const [one, two] = [await file("one", { token: "wrong" }), await file("two", { token: token() })];
    const env = { KUBECONFIG: `${one}:${join(plane.dir, "none")}:${two}` };
    expect(chooseCluster({}, env).namespace).toBe("of-one");
    await expect(whoAmI({}, env)).rejects.toMatchObject({ code: "Unauthorized" });
    expect((await whoAmI({ context: "two" }, env)).username).toBe("admin");
    expect((await whoAmI({ user: "two", cluster: "two" }, env)).username).toBe("admin");
    expect((await whoAmI({ token: token() }, env)).username).toBe("admin");
    const server = `https://127.0.0.1:${plane.port}`;
    const bare = { server, token: token(), "certificate-authority": join(plane.dir, "ca.crt") };
    expect((await whoAmI({ ...bare, kubeconfig: await file("bare", {}) })).username).toBe("admin");
  });

  it("with an entry that is no good serves with the others", async () => {
    const kubeconfig = await file("half", { token: token() });
    const config = JSON.parse(await readFile(kubeconfig, "utf8")) as { clusters: object[] };
    await writeFile(kubeconfig, JSON.stringify({ ...config, clusters: [{ name: "broken" }, ...config.clusters] }));
    expect((await whoAmI({ kubeconfig })).username).toBe("admin");
  });

  it("goes through proxy-url, and checks the certificate by tls-server-name", async () => {
    const server = `https://api.invalid:${plane.port}`;
    const named = { server, "tls-server-name": "localhost", "proxy-url": proxyUrl() };
    tunnels = [];
    expect((await whoAmI({ kubeconfig: await file("named", { token: token() }, named) })).username).toBe("admin");
    expect(tunnels).toEqual([`api.invalid:${plane.port}`]);
    const unnamed = await file("unnamed", { token: token() }, { server, "proxy-url": proxyUrl() });
    await expect(whoAmI({ kubeconfig: unnamed })).rejects.toMatchObject({ code: "Untrusted" });
    expect((await whoAmI({ kubeconfig: unnamed, "tls-server-name": "localhost" })).username).toBe("admin");
  });

  it("goes through HTTPS_PROXY, but not where NO_PROXY says", async () => {
    const server = `https://api.invalid:${plane.port}`;
    const kubeconfig = await file("env", { token: token() }, { server, "tls-server-name": "localhost" });
    tunnels = [];
    expect((await whoAmI({ kubeconfig }, { HTTPS_PROXY: proxyUrl() })).username).toBe("admin");
    expect(tunnels).toHaveLength(1);
    const env = { HTTPS_PROXY: proxyUrl(), NO_PROXY: ".invalid" };
    await expect(whoAmI({ kubeconfig }, env)).rejects.toMatchObject({ code: "Unreachable" });
    expect(tunnels).toHaveLength(1);
  });
});
