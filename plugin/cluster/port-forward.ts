/** A port of a pod, brought to this machine through the API server, as `kubectl port-forward` does. */
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { KubeConfig } from "@kubernetes/client-node";
import { PortForward } from "@kubernetes/client-node/dist/portforward.js";
import { messageOf } from "../../shared/kube/errors.ts";
import { Refusal } from "../errors.ts";

export interface PodPort {
  namespace: string;
  pod: string;
  port: number;
}

export interface Forward {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  close(): void;
  /** Why the last connection could not be made; undefined while all could. */
  problem(): string | undefined;
}

/** Listens on loopback only, until it is closed; each connection is one of its own to the pod. */
export async function forwardTo(kubeConfig: KubeConfig, at: PodPort): Promise<Forward> {
  const forward = new PortForward(kubeConfig);
  const open = new Set<Socket>();
  let problem: string | undefined;
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket)).on("error", () => socket.destroy());
    forward.portForward(at.namespace, at.pod, [at.port], socket, null, socket).catch((error: unknown) => {
      problem = `pod ${at.pod} in namespace ${at.namespace} cannot be reached by port-forward (${messageOf(error) || "refused"}): this needs permission to create pods/portforward there`;
      socket.destroy();
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed).listen(0, "127.0.0.1", listening);
  }).catch((error: unknown) => {
    throw new Refusal(`No port of this machine can be listened on: ${messageOf(error)}.`);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    problem: () => problem,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
