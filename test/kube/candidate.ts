/**
 * A candidate in a process of its own, for tests that kill or freeze it. Takes a kubeconfig file and an identity; prints a
 * line for each start and end of a term, and each change of mind of a worker that asks `isLeader` every few milliseconds.
 */
import { KubeConfig } from "@kubernetes/client-node";
import { systemClock } from "../../shared/kube/clock.ts";
import { connect } from "../../shared/kube/cluster.ts";
import { Election } from "../../webhook/runtime/election.ts";
import { candidateOptions } from "./terms.ts";

const [kubeconfig = "", identity = ""] = process.argv.slice(2);
const config = new KubeConfig();
config.loadFromFile(kubeconfig);

const say = (what: string): void => void process.stdout.write(`${what}\n`);

const election = new Election(
  {
    cluster: connect(config, { timers: systemClock, timeoutMs: 2_000 }),
    clock: systemClock,
    random: () => 0.5,
    onStartedLeading: () => say("started"),
    onStoppedLeading: (reason) => say(`stopped: ${reason}`),
  },
  candidateOptions(identity),
);
let believed = false;
setInterval(() => {
  const leads = election.isLeader();
  if (leads !== believed) say(leads ? "writes" : "refrains");
  believed = leads;
}, 5);
election.start();
process.once("SIGTERM", () => void election.stop().then(() => process.exit(0)));
