/**
 * Admission in a process of its own: nothing that its caller is busy with makes it late. Tells its caller where it listens, and whenever
 * it is asked, how long the API server's reviews took in here since it was asked last, ms.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { serveAdmission, type ServedTimes, type Serving } from "../admission.ts";

const [ownAccount = ""] = process.argv.slice(2);
const took: number[] = [];
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const { port, authority } = await serveAdmission(ownAccount, [], (ms) => void took.push(ms));
const serving: Serving = { port, authority };
process.send?.(serving);
process.on("message", () => {
  const times: ServedTimes = { took: took.splice(0), loopDelayP99: delay.percentile(99) / 1e6 };
  delay.reset();
  process.send?.(times);
});
process.once("disconnect", () => process.exit());
