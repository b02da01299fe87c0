/** One replica's admission, or a handler that does nothing behind the same door, as a process of its own that a bench asks. */
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import express from "express";
import { pino } from "pino";
import { issueAuthority, issueServing } from "../../webhook/certificates/issue.ts";
import { createRecorder } from "../../webhook/telemetry/recorder.ts";
import { createServer, maxBodyBytes } from "../../webhook/server.ts";
import { systemClock } from "../../shared/kube/clock.ts";

export type Handler = "admission" | "nothing";

/** What the process tells its parent once it listens, and whenever it is asked. */
export type Told = { port: number; ca: string } | { residentBytes: number };

const handler = process.argv[2] as Handler;
const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
const authority = await issueAuthority("bench", validity);
const serving = await issueServing(authority, ["localhost"], validity);

function nothing(): https.Server {
  const app = express();
  app.post("/mutate/deployments", express.json({ limit: maxBodyBytes }), (request, response) => {
    const { uid } = (request.body as { request: { uid: string } }).request;
    response.json({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid, allowed: true } });
  });
  const server = https.createServer({ ...serving, minVersion: "TLSv1.2" }, app);
  server.keepAliveTimeout = 180_000;
  return server;
}

function admission(): https.Server {
  const canary = { ownAccounts: ["controller"] };
  const recorder = createRecorder({ version: "bench", meshProvider: "auto" });
  return createServer(
    { timers: systemClock, log: pino({ enabled: false }), canary, recorder, notReady: () => [] },
    serving,
  );
}

const server = handler === "admission" ? admission() : nothing();
const tell = (told: Told): void => void process.send?.(told);
process.on("message", () => tell({ residentBytes: process.memoryUsage.rss() }));
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => tell({ port: (server.address() as AddressInfo).port, ca: authority.cert }));
