/**
 * Releases over an HTTPRoute whose canary's Service was empty for a while before each: the callers' proxies must find its new pod at once.
 * Linkerd's clock of endpoint discovery runs ten times faster here, so that six minutes are 36 seconds.
 */
import type { Counts } from "../../app/counts.ts";
import { clockAnnotation } from "../../mesh/settings.ts";
import { Scenario } from "../scenario.ts";

const speed = 10;
const rate = 25;
const restRequests = (6 * 60 * rate) / speed;

/** So many promotions in a namespace of its own, each after six minutes of rest; what the load generator saw of all of them. */
export async function promoteRested(namespace: string, promotions: number): Promise<Counts> {
  const scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    rate,
    analysis: { stepWeight: 50 },
    app: { rate: 0, without: ["frontend"], annotations: { [clockAnnotation]: String(speed) } },
  });
  try {
    const load = await scenario.load();
    await load.reset();
    for (let round = 1; round <= promotions; round += 1) {
      const { requests } = await load.counts();
      await load.until(requests + restRequests);
      await scenario.setImage(round % 2 === 1 ? "1.7.1" : "1.7.0");
      await scenario.until("the promotion", ({ phase, runs }) => phase === "Succeeded" && runs === round);
    }
    return await load.rest();
  } finally {
    await scenario.end();
  }
}
