// The few calls that the control plane makes to the API server, from inside a pod with its service account.
import { readFileSync } from "node:fs";
import { Agent, request, type RequestOptions } from "node:https";
import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";

const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount";

export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Api {
  readonly #base: RequestOptions;

  constructor(host: string, port: string, ca: Buffer) {
    this.#base = { host, port, ca, agent: new Agent({ keepAlive: true }) };
  }

  static inCluster(env: NodeJS.ProcessEnv): Api {
    const ca = readFileSync(`${accountDir}/ca.crt`);
    return new Api(env["KUBERNETES_SERVICE_HOST"] ?? "", env["KUBERNETES_SERVICE_PORT"] ?? "443", ca);
  }

  /** The response of a GET, for who reads it piece by piece; throws ApiError on another status than 200. */
  async open(path: string): Promise<IncomingMessage> {
    return this.#send("GET", path);
  }

  async get<T>(path: string): Promise<T> {
    return (await json(await this.#send("GET", path))) as T;
  }

  async put(path: string, body: unknown): Promise<void> {
    (await this.#send("PUT", path, JSON.stringify(body))).resume();
  }

  async post(path: string, body: unknown): Promise<void> {
    (await this.#send("POST", path, JSON.stringify(body))).resume();
  }

  async #send(method: string, path: string, body?: string): Promise<IncomingMessage> {
    // The kubelet renews the token in place.
    const token = readFileSync(`${accountDir}/token`, "utf8");
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json",
    };
    const response = await new Promise<IncomingMessage>((done, failed) => {
      request({ ...this.#base, method, path, headers }, done)
        .on("error", failed)
        .end(body);
    });
    const status = response.statusCode ?? 0;
    if (status < 300) return response;
    const answer = (await json(response).catch(() => ({}))) as { message?: string };
    throw new ApiError(status, `${method} ${path}: ${status} ${answer.message ?? ""}`);
  }
}
