/**
 * The HTTPS server that the API server asks, and the plain one for Prometheus. Express only routes, limits and times out:
 * decisions are functions in `admission/`, and whatever goes wrong is answered, with the review's uid if it had one.
 */
import * as http from "node:http";
import * as https from "node:https";
import express from "express";
import type { ErrorRequestHandler, Express, Request, RequestHandler } from "express";
import type { Logger } from "pino";
import type { Timers } from "../shared/kube/clock.ts";
import { messageOf } from "../shared/kube/errors.ts";
import type { CanaryDeps } from "./admission/canaries.ts";
import { denial, parseReview } from "./admission/review.ts";
import { bodyBounds, limitBodies, limitConnections } from "./limits.ts";
import { admit, endpoints, type Endpoint } from "./admission/endpoints.ts";
import type { Recorder } from "./telemetry/recorder.ts";

export interface ServerDeps {
  timers: Timers;
  log: Logger;
  canary: CanaryDeps;
  recorder: Pick<Recorder, "admission">;
  /** Why this replica should not be asked, each a few words; empty when it is ready. */
  notReady: () => string[];
}

/** Larger than any object that etcd takes (1.5 MiB) twice, in a review. */
export const maxBodyBytes = 4 * 1024 * 1024;

/** PEM texts. */
export interface ServingCertificate {
  cert: string;
  key: string;
}

/** The caller listens, replaces the certificate with `setSecureContext`, and closes. */
export function createServer(deps: ServerDeps, certificate: ServingCertificate): https.Server {
  const app = admissionApp(deps);
  const server = limitConnections(https.createServer({ ...certificate, minVersion: "TLSv1.2", ...timeouts }, app));
  // Longer than clients keep idle connections, or the API server now and then writes into one that we are closing.
  server.keepAliveTimeout = 180_000;
  server.on("tlsClientError", (error) => deps.log.debug({ error: messageOf(error) }, "TLS handshake failed"));
  return server;
}

/** GET /metrics, for scrapers that have no certificate of ours. */
export function createMetricsServer(scrape: Recorder["text"]): http.Server {
  const app = bare();
  app.get("/metrics", async (_request, response) => {
    const { contentType, body } = await scrape();
    response.set("Content-Type", contentType).send(body);
  });
  app.use((_request, response) => void response.status(404).type("text/plain").send("only /metrics is here\n"));
  return limitConnections(http.createServer({ ...timeouts, maxHeaderSize: 8_192 }, app), scraperConnections);
}

/** Without TLS, as tests ask it. */
export function admissionApp(deps: ServerDeps): Express {
  const app = bare();
  app.get("/healthz", (_request, response) => void response.type("text/plain").send("ok\n"));
  app.get("/readyz", (_request, response) => {
    const reasons = deps.notReady();
    response.status(reasons.length === 0 ? 200 : 503).type("text/plain");
    response.send(reasons.length === 0 ? "ok\n" : `not ready: ${reasons.join("; ")}\n`);
  });
  // Compressed bodies are refused: the API server sends none, and a small one can unpack to a large one.
  const parse = express.json({ limit: maxBodyBytes, type: "application/json", inflate: false });
  const within = limitBodies({ ...bodyBounds, largest: maxBodyBytes }, deps.timers);
  const { since, took } = stopwatch(deps.timers);
  for (const endpoint of endpoints) app.post(endpoint.path, since, within, parse, review(endpoint, took, deps));
  app.use((request, response) => {
    response.status(404).json({ message: `nothing at ${request.method} ${request.path}` });
  });
  app.use(failure(deps.log));
  return app;
}

// --- internal ---

/** Node looks every 30 s otherwise. The time of a request begins before it waits for room: see `limits.ts`. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  handshakeTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
};

const scraperConnections = 64;

function bare(): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  return app;
}

type Took = (request: Request) => number;

/** From a request's head, so that what waits for room or for its body is seen, in seconds. */
function stopwatch(timers: Timers): { since: RequestHandler; took: Took } {
  const arrived = new WeakMap<Request, number>();
  return {
    since: (request, _response, next) => {
      arrived.set(request, timers.now());
      next();
    },
    took: (request) => (timers.now() - (arrived.get(request) ?? timers.now())) / 1_000,
  };
}

function review(endpoint: Endpoint, took: Took, deps: ServerDeps): RequestHandler {
  return (request, response) => {
    // Without a JSON content type the parser leaves the body alone.
    if (request.body === undefined) {
      response.status(415).json({ message: "send an AdmissionReview as application/json" });
      return;
    }
    // A replica that is going away is not to be held to by a connection that is kept alive.
    if (deps.notReady().length > 0) response.set("Connection", "close");
    try {
      const { status, body, result } = admit(request.body, endpoint, deps.canary);
      deps.recorder.admission(result, took(request));
      response.status(status).json(body);
    } catch (error) {
      deps.recorder.admission("error", took(request));
      deps.log.error({ err: error, endpoint: endpoint.path }, "admission failed");
      const message = `kubectl-canary could not decide: ${messageOf(error)}`;
      const uid = uidOf(request.body);
      if (uid === undefined) response.status(500).json({ message });
      else response.status(200).json(denial(uid, { code: 500, message }));
    }
  };
}

function uidOf(body: unknown): string | undefined {
  const parsed = parseReview(body);
  return parsed.ok ? parsed.request.uid : parsed.uid;
}

/** What the body parser throws: too large, not JSON, compressed. Four arguments are how Express knows an error handler. */
function failure(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const status = statusOf(error);
    log.warn({ status, path: request.path, error: messageOf(error) }, "request refused");
    const message =
      status === 413 ? `the body is larger than ${maxBodyBytes} bytes` : `unusable request: ${messageOf(error)}`;
    response.status(status).json({ message });
  };
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}
