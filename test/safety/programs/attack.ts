/** The hostile tenant, for so many milliseconds. Tells its caller how often each act was tried, and how often it was let. */
import { KubeConfig } from "@kubernetes/client-node";
import { connect } from "../../../shared/kube/cluster.ts";
import { systemClock } from "../../../shared/kube/clock.ts";
import { attack } from "../mallory.ts";

const [kubeConfig = "", webhooks = "[]", victim = "", liar = "", lastsMs = "0"] = process.argv.slice(2);
const config = new KubeConfig();
config.loadFromString(kubeConfig);
const cluster = connect(config, { timers: systemClock, timeoutMs: 10_000 });
const mallory = { cluster, webhooks: JSON.parse(webhooks) as string[], victim, liar, random: Math.random };
process.send?.(await attack(mallory, AbortSignal.timeout(Number(lastsMs))));
process.disconnect();
