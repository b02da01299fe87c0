/** The certificate that the webhook serves, read by a TLS handshake: the Secret that holds it may not be readable. */
import { once } from "node:events";
import { connect } from "node:tls";
import type { V1EndpointSlice } from "@kubernetes/client-node";
import { deadline, type Timers } from "../../../shared/kube/clock.ts";
import type { Session } from "../../cluster/session.ts";

const patienceMs = 5_000;

/** PEM; undefined where no pod is ready, or it cannot be reached by port-forward. */
export async function servedCertificate(
  slices: readonly V1EndpointSlice[],
  { forward, timers }: { forward: Session["forward"]; timers: Timers },
): Promise<string | undefined> {
  const [at] = slices.flatMap(({ metadata, ports, endpoints = [] }) =>
    endpoints.flatMap(({ conditions, targetRef }) =>
      conditions?.ready !== false && targetRef?.name && ports?.[0]?.port
        ? [{ namespace: metadata?.namespace ?? "", pod: targetRef.name, port: ports[0].port }]
        : [],
    ),
  );
  if (!at) return undefined;
  const opened = await forward(at);
  try {
    return await greet(Number(new URL(opened.url).port), timers);
  } catch {
    return undefined; // What cannot be asked is not known, and no fault.
  } finally {
    opened.close();
  }
}

// --- internal ---

/** Whatever certificate it is: to be looked at, not to be trusted. */
async function greet(port: number, timers: Timers): Promise<string> {
  const { signal, cancel } = deadline(timers, patienceMs);
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect", { signal });
    const body = socket
      .getPeerCertificate()
      .raw.toString("base64")
      .replace(/(.{64})(?=.)/g, "$1\n");
    return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;
  } finally {
    cancel();
    socket.destroy();
  }
}
