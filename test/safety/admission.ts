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
}

export async function serveAdmission(ownAccount: string, watchNamespaces: string[]): Promise<Admission> {
  const validity = { now: Date.now(), lifetimeMs: 86_400_000 };
  const authority = await issueAuthority("arena", validity);
  const serving = await issueServing(authority, ["localhost"], validity);
  const canary = { ownAccounts: [ownAccount], watchNamespaces };
  const recorder = createRecorder({ version: "test", meshProvider: "linkerd" });
  const server = createServer(
    { timers: systemClock, log: pino({ enabled: false }), canary, recorder, notReady: () => [] },
    serving,
  );
  server.listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, authority: authority.cert, end: () => new Promise((done) => void server.close(() => done())) };
}
