// The sidecar's knowledge of who may call its pod.
import { openPolicy, type InboundPolicy, type PortPolicy } from "../policy/inbound-policy.ts";
import { follow } from "./stream.ts";

// A pod serves nobody before it is known who may call it; without a control plane it is open, as by default.
const FIRST_MS = 2000;

export class Policies {
  #current: InboundPolicy | undefined;
  #arrived: () => void = () => undefined;
  readonly #first = new Promise<void>((done) => (this.#arrived = done));

  /** `control` is host:port of the control plane's streams. */
  constructor(control: string, namespace: string, pod: string) {
    setTimeout(() => this.#arrived(), FIRST_MS);
    void follow<InboundPolicy>(
      `http://${control}/policies/${namespace}/${pod}`,
      new AbortController().signal,
      (document) => {
        this.#current = document;
        this.#arrived();
      },
    );
  }

  /** At once, but for the first moments of a pod. */
  async forPort(port: number): Promise<PortPolicy> {
    if (!this.#current) await this.#first;
    const { ports, otherwise } = this.#current ?? openPolicy;
    return ports[port] ?? otherwise;
  }
}
