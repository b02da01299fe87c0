/** The hostile tenant, for so many milliseconds. Tells its caller how often each act was tried, and how often it was let. */
import { attack } from "../mallory.ts";
import { clusterOf } from "./client.ts";

const [kubeConfig = "", webhooks = "[]", victim = "", liar = "", lastsMs = "0"] = process.argv.slice(2);
const cluster = clusterOf(kubeConfig);
const mallory = { cluster, webhooks: JSON.parse(webhooks) as string[], victim, liar, random: Math.random };
process.send?.(await attack(mallory, AbortSignal.timeout(Number(lastsMs))));
process.disconnect();
