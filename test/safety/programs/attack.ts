/** The hostile tenant and a Prometheus of his, for so many milliseconds. Tells its caller how often each act was tried, and was let. */
import type { AddressInfo } from "node:net";
import { attack, startLiar } from "../mallory.ts";
import { clusterOf } from "./client.ts";
import { say } from "./say.ts";

const [kubeConfig = "", webhooks = "[]", victim = "", lastsMs = "0"] = process.argv.slice(2);
const cluster = clusterOf(kubeConfig);
const server = await startLiar();
const liar = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const mallory = { cluster, webhooks: JSON.parse(webhooks) as string[], victim, liar, random: Math.random };
await say(await attack(mallory, AbortSignal.timeout(Number(lastsMs))));
server.closeAllConnections();
server.close();
process.disconnect();
