/**
 * Who may talk to the dashboard's server: a browser that was given the printed address, once. Any program on this machine can
 * reach the port, and any page on the web can make a browser ask it, so each request is checked by itself.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";

/** No inline script or style, nothing from outside, and no page that frames this one. */
export const contentPolicy = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((what) => `${what} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((what) => `${what} 'none'`),
  "require-trusted-types-for 'script'",
].join("; ");

export class Access {
  /**
   * Where the page is. A cookie is sent to every port of its host, but only below its path: other servers on this machine do not
   * learn it.
   */
  readonly path = `/${randomBytes(16).toString("hex")}/`;
  private readonly token = randomBytes(32).toString("base64url");
  private readonly session = randomBytes(32).toString("base64url");
  private isTaken = false;

  /** The address to print: the only place where the token is written. */
  addressAt(port: number): string {
    return `http://127.0.0.1:${port}/?token=${this.token}`;
  }

  /** Headers of every answer, and no answer for a name that is not this machine's: a page of another origin rebinds its own. */
  readonly guard: RequestHandler = (request, response, next) => {
    response.set({
      "Content-Security-Policy": contentPolicy,
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Cache-Control": "no-store",
    });
    const why = foreignHost(request) ?? foreignOrigin(request);
    if (why === undefined) next();
    else refuse(response, 403, why);
  };

  /** Gives the cookie for the token, once. */
  readonly exchange: RequestHandler = (request, response) => {
    if (isPreview(request)) return refuse(response, 403, "This address is for opening.");
    const { token } = request.query;
    if (typeof token !== "string" || !isSame(token, this.token))
      return refuse(response, 403, "Open the address that kubectl canary dashboard printed, whole.");
    if (this.isTaken)
      return refuse(
        response,
        403,
        "This address works once, and was opened before. If that was not you, end the dashboard with Ctrl-C. Start it again for another address.",
      );
    this.isTaken = true;
    response.cookie(cookie, this.session, { httpOnly: true, sameSite: "strict", path: this.path });
    // A redirect goes on in the name of whoever linked here, and a strict cookie would stay behind; the page's own step does not.
    const words = "<!doctype html><html lang=en><title>kubectl canary</title>";
    response.type("html").send(`${words}<meta http-equiv="refresh" content="0; url=${this.path}">`);
  };

  /** Lets through who has the cookie. */
  readonly admit: RequestHandler = (request, response, next) => {
    const given = cookieOf(request.headers.cookie ?? "");
    if (given !== undefined && isSame(given, this.session)) next();
    else refuse(response, 403, "This browser has not opened the address that kubectl canary dashboard printed.");
  };
}

/** Plain text, and never what was sent. */
export function refuse(response: Response, status: number, why: string): void {
  response.status(status).type("text/plain").send(`${why}\n`);
}

// --- internal ---

const cookie = "kubectl-canary";

function hostsOf({ socket: { localPort } }: Request): string[] {
  return ["127.0.0.1", "localhost"].map((name) => `${name}:${localPort}`);
}

function foreignHost(request: Request): string | undefined {
  if (hostsOf(request).includes(request.headers.host ?? "")) return undefined;
  return "This server answers to 127.0.0.1 and localhost only.";
}

/** A browser says where a request comes from, unless it is typed or a plain look at the same origin. */
function foreignOrigin(request: Request): string | undefined {
  const { origin, host = "" } = request.headers;
  const site = request.headers["sec-fetch-site"];
  const isSent = origin === undefined || origin === `http://${host}`;
  const isOwn = site === undefined || site === "same-origin" || site === "none" || isOpened(request);
  if (isSent && isOwn) return undefined;
  return "This server answers to its own page only.";
}

/** A link to the printed address, such as in a terminal that is a web page. */
const isOpened = ({ method, path, headers }: Request): boolean =>
  method === "GET" && path === "/" && headers["sec-fetch-dest"] === "document";

/** Of a program that looks at links, or a browser that fetches ahead: it must not use the address up. */
const isPreview = ({ method, headers }: Request): boolean => method !== "GET" || headers["sec-purpose"] !== undefined;

/** In a time that says nothing about how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function cookieOf(header: string): string | undefined {
  const pairs = header.split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${cookie}=`))?.slice(cookie.length + 1);
}
