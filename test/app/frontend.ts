// The tutorial's frontend: shows podinfo's own page (or its JSON, to curl) on another port, through the mesh.
import { Agent, createServer, request as httpRequest } from "node:http";

export const frontendPort = 8080;
// Of the frontend itself: it is ready when podinfo is not.
const readyPath = "/frontend/ready";

/** `upstream` is the base URL of what is shown. */
export function runFrontend(upstream: string): void {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    if (request.url === readyPath) return void response.end("ok\n");
    const url = new URL(request.url ?? "/", upstream);
    const headers = { ...request.headers, host: url.host, connection: "keep-alive" };
    const forwarded = httpRequest(url, { agent, method: request.method, headers }, (answer) => {
      const { connection: _hop, "transfer-encoding": _framing, ...kept } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, kept);
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    forwarded.on("error", (error) => {
      if (response.headersSent) return void response.destroy();
      response.writeHead(502, { "content-type": "text/plain" }).end(`No answer from ${upstream}: ${error.message}\n`);
    });
    response.on("close", () => forwarded.destroy());
    request.pipe(forwarded);
  });
  server.listen(frontendPort);
  process.on("SIGTERM", () => server.close(() => process.exit(0)));
}
