/** The dashboard's HTTP server, on this machine's own address: the page, its live news, and commands where they are allowed. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from "express";
import type { Session } from "../cluster/session.ts";
import { faultOf, Refusal } from "../errors.ts";
import { Access, refuse } from "./access.ts";
import { act, actionIn, isName } from "./actions.ts";
import type { Feed } from "./feed.ts";
import { followCanary } from "./follow.ts";
import type { PageAssets } from "./page-assets.ts";
import { planFor, rateIn } from "./plan-view.ts";
import type { Recorder } from "./recorder.ts";
import type { Setup } from "./types.ts";

export interface Served {
  session: Session;
  assets: PageAssets;
  feed: Feed;
  recorder: Recorder;
  setup: Setup;
}

export interface Listening {
  /** With the token; to be shown to the person who started it, and to nobody else. */
  address: string;
  close: () => Promise<void>;
}

/** `port` 0: any that is free. Refuses one that is taken. */
export async function serve(served: Served, port: number): Promise<Listening> {
  const access = new Access();
  const server = createServer(appOf(served, access));
  await listen(server, port);
  const { port: given } = server.address() as AddressInfo;
  return { address: access.addressAt(given), close: () => closed(server) };
}

// --- internal ---

/** Pages that follow at once; a person has a few. */
const mostFollowers = 24;
/** The most bytes that wait for a page. One that reads nothing, as a frozen tab, loses its stream, and is told all when it asks again. */
const mostUnread = 16 * 1024 * 1024;

function appOf(served: Served, access: Access): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag");
  app.use(access.guard);
  app.get("/", access.exchange);
  app.use(access.path, access.admit, pageRoutes(served));
  app.use((_request, response) => refuse(response, 404, "There is nothing here."));
  const failed: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const { status } = error as { status?: unknown };
    refuse(response, typeof status === "number" ? status : 500, faultOf(error).message);
  };
  return app.use(failed);
}

function pageRoutes(served: Served): express.Router {
  const { assets, setup } = served;
  const routes = express.Router();
  const files = [
    ["/", "html", assets.html],
    ["/page.js", "text/javascript", assets.script],
    ["/page.css", "css", assets.style],
    ["/icon.svg", "svg", assets.icon],
  ] as const;
  for (const [path, type, text] of files) routes.get(path, (_request, response) => void response.type(type).send(text));
  routes.get("/api/setup", (_request, response) => void response.json(setup));
  const streams = new Streams(served);
  routes.get("/api/canaries", (_request, response) => streams.overview(response));
  routes.get("/api/canaries/:namespace/:name", (request, response) => streams.canary(request, response));
  routes.get("/api/plans/:namespace/:name", (request, response) => answerPlan(request, response, served));
  routes.post("/api/actions", express.json({ limit: "8kb", type: "application/json" }), async (request, response) => {
    await command(request, response, served);
  });
  return routes;
}

async function answerPlan(request: Request, response: Response, { session }: Served): Promise<void> {
  const { namespace, name } = request.params;
  if (!isName(namespace) || !isName(name)) return refuse(response, 404, "No Canary has such a name.");
  const found = await planFor({ namespace, name, rps: rateIn(request.query["rps"]) }, session);
  if (typeof found === "string") refuse(response, 409, found);
  else response.json(found);
}

async function command(request: Request, response: Response, { session, setup }: Served): Promise<void> {
  if (!setup.allowActions)
    return refuse(response, 403, "This dashboard is read-only. Start it with --allow-actions to steer from the page.");
  // A form of another page has no such header, and no such type either.
  if (request.headers.origin === undefined) return refuse(response, 403, "A command says where it comes from.");
  const action = actionIn(request.body);
  if (!action) return refuse(response, 400, "This is no command of the dashboard's.");
  response.json(await act(action, session.deps, session.scope));
}

class Streams {
  private readonly served: Served;
  private followers = 0;

  constructor(served: Served) {
    this.served = served;
  }

  overview(response: Response): void {
    const signal = this.open(response);
    if (!signal) return;
    const stop = this.served.feed.subscribe((change) => send(response, change));
    signal.addEventListener("abort", stop, { once: true });
  }

  canary(request: Request, response: Response): void {
    const { namespace, name } = request.params;
    if (!isName(namespace) || !isName(name)) return refuse(response, 404, "No Canary has such a name.");
    const signal = this.open(response);
    if (!signal) return;
    const { recorder, session } = this.served;
    const { deps, scope } = session;
    const own = { ...deps, signal };
    followCanary({ namespace, name }, { deps: own, scope, recorder, send: (news) => send(response, news) }).catch(
      (error: unknown) => {
        send(response, { away: faultOf(error).message });
        response.end();
      },
    );
  }

  /** Aborts when the page goes away. Undefined where there are too many. */
  private open(response: Response): AbortSignal | undefined {
    if (this.followers >= mostFollowers) {
      refuse(response, 503, `${mostFollowers} pages follow already: close some.`);
      return undefined;
    }
    this.followers += 1;
    const closed = new AbortController();
    response.once("close", () => {
      this.followers -= 1;
      closed.abort();
    });
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    return AbortSignal.any([closed.signal, this.served.session.deps.signal]);
  }
}

function send(response: Response, news: unknown): void {
  if (response.destroyed || response.writableEnded) return;
  if (response.writableLength > mostUnread) response.destroy();
  else response.write(`data: ${JSON.stringify(news)}\n\n`);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      reject(isTaken ? new Refusal(`Port ${port} of 127.0.0.1 is taken: choose another --port.`) : error);
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
