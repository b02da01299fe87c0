// Starting and stopping the local cluster, in process, network and mount namespaces of its own: there it starts on a
// bare machine, beside the cluster that the other tests use, and can be killed half-way.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { network, repository, stateDir } from "./layout.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "lifecycle-"));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

// The shared cluster's mounts are inherited and would count as left behind. One that it removes meanwhile goes here by itself.
const prelude = `
set -e
inherited() { awk '$5 ~ "^${stateDir}/" {print $5}' /proc/self/mountinfo | tac; }
inherited | xargs -r -n1 umount --lazy || [ -z "$(inherited)" ]
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mount --bind "$DIR" /var/lib
ip link set lo up
cluster() { "$NODE" ${join(repository, "test/cluster/main.ts")} "$@"; }
set +e
`;

/** Runs a bash script in fresh namespaces and returns what it printed. */
async function onBareMachine(script: string): Promise<string> {
  const namespaces = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--propagation", "private"];
  const child = spawn("unshare", [...namespaces, "bash", "-c", prelude + script], {
    env: { ...process.env, DIR: dir, NODE: process.execPath },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((done) => child.once("close", done));
  return said;
}

const left = `
echo "processes: $(ps -e -o comm= | grep -E 'containerd|runc|kube|etcd|coredns|prometheus|pause' | xargs)"
echo "links: $(ip -brief link | grep -v '^lo ' | xargs)"
echo "chains: $(iptables-save | grep '^:KUBE\\|^:CNI' | xargs)"
echo "rules: $(iptables-save | grep '^-A' | xargs)"
echo "mounts: $(grep -c '${stateDir}' /proc/self/mountinfo)"
echo "folders: $(cd /; ls -d var/lib/* var/log/* run/containerd 2>/dev/null | xargs)"
`;

const nothingLeft = "processes: \nlinks: \nchains: \nrules: \nmounts: 0\nfolders: \n";

describe("starting and stopping the local cluster", () => {
  it("copes with what a killed start left, does nothing when it runs, and leaves nothing when it is stopped", async () => {
    const said = await onBareMachine(`
grep -q "DNS ready" < <(exec "$NODE" ${join(repository, "test/cluster/main.ts")} up 2>&1)
kill -9 $! 2>/dev/null
kill -9 $(cluster status | awk '/^(containerd|kubelet) /{print $4}')
echo "containers that run on: $(ps -e -o comm= | grep -c '^coredns')"
cluster up; echo "second start: $?"
before=$(cluster status); echo "status: $?"
cluster up; echo "third start: $?"
[ "$before" = "$(cluster status)" ] && echo "the same processes run"
ip link add slow-to-go type veth peer name slow-peer
ip address add ${network.podGateway}/32 dev slow-to-go
cluster down; echo "stop: $?"
${left}`);
    expect(said).toContain("containers that run on: 1");
    expect(said).toContain("second start: 0");
    expect(said).toContain("status: 0");
    expect(said).toContain("The local cluster is running.\nthird start: 0");
    expect(said).toContain("the same processes run");
    expect(said).toContain("stop: 0");
    expect(said.slice(said.indexOf("processes:"))).toBe(nothingLeft);
  });

  it("says what to do where it cannot run", async () => {
    const said = await onBareMachine(`
setpriv --reuid 65534 --clear-groups "$NODE" ${join(repository, "test/cluster/main.ts")} up; echo "start: $?"
iptables -t nat -N KUBE-SERVICES
cluster up; echo "start: $?"
iptables -t nat -S KUBE-SERVICES`);
    expect(said).toMatch(/needs root.*KUBECONFIG.*\nstart: 1\n/);
    expect(said).toMatch(/Another Kubernetes node runs on this machine.*\nstart: 1\n-N KUBE-SERVICES\n/s);
  });
});
