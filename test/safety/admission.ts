/** Admission as it is shipped, on a port of this machine. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { systemClock } from "../../shared/kube/clock.ts";
import { issueAuthority, issueServing } from "../../webhook/certificates/issue.ts";
import { createServer } from "../../webhook/server.ts";
import { createRecorder } from "../../webhook/telemetry/recorder.ts";

export interface Serving {
  port: number;
  /** PEM of who signed its certificate. */
  authority: string;
}

export interface Admission extends Serving {
  end: () => Promise<void>;
  /** Of a process of its own: what its reviews took since it was asked last. */
  times?: () => Promise<ServedTimes>;
}

export interface ServedTimes {
  /** Each review of the API server's, from its head to the end of its answer, ms. */
  took: number[];
  loopDelayP99: number;
}

/** `reviewed`: told what each review of the API server's took, ms. */
export async function serveAdmission(
  ownAccount: string,
  watchNamespaces: string[],
  reviewed?: (ms: number) => void,
): Promise<Admission> {
  const validity = { now: Date.now(), lifetimeMs: 86_400_000 };
  const authority = await issueAuthority("arena", validity);
  const serving = await issueServing(authority, ["localhost"], validity);
  const canary = { ownAccounts: [ownAccount], watchNamespaces };
  const recorder = createRecorder({ version: "test", meshProvider: "linkerd" });
  const server = createServer(
    { timers: systemClock, log: pino({ enabled: false }), canary, recorder, notReady: () => [] },
    serving,
  );
  if (reviewed)
    server.on("request", (request, response) => {
      const at = performance.now();
      if (request.headers["user-agent"]?.startsWith("kube-apiserver") === true)
        response.once("finish", () => reviewed(performance.now() - at));
    });
  server.listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, authority: authority.cert, end: () => new Promise((done) => void server.close(() => done())) };
}
