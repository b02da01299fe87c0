/**
 * Where stable's leaf leads while the apex' ports move. Where a port moves along with the image, in one apply, stable would be
 * unreachable for the whole run if its leaf followed the apex at once; and Helm writes Services before Deployments.
 */
import type { V1Container, V1Deployment, V1Probe, V1Service, V1ServicePort } from "@kubernetes/client-node";
import { label } from "../names.ts";

/** A Service and a Deployment of one apply come within this, from a slow pipeline too. */
export const settleMs = 10_000;

/**
 * The apex' ports, with stable's targets where it is stable's that count. `leaf` is stable's as it is; `isSettled`: the apex has had its
 * ports for {@link settleMs}.
 */
export function stablePorts(
  target: V1Deployment,
  ports: readonly V1ServicePort[],
  { leaf, isSettled }: { leaf: V1Service | undefined; isSettled: boolean },
): V1ServicePort[] {
  return ports.map((port) => {
    const now = targetOf(leaf, port);
    if (now === undefined || !isStables(target, { wanted: port.targetPort ?? port.port, now, isSettled })) return port;
    return { ...port, targetPort: now };
  });
}

/** The leaf leads elsewhere than the apex. */
export function portsDiffer(ports: readonly V1ServicePort[], leaf: V1Service | undefined): boolean {
  return ports.some((port) => {
    const now = targetOf(leaf, port);
    return now !== undefined && now !== (port.targetPort ?? port.port);
  });
}

// --- internal ---

type Port = number | string;

function targetOf(leaf: V1Service | undefined, { port }: V1ServicePort): Port | undefined {
  return leaf?.spec?.ports?.find((one) => one.port === port)?.targetPort;
}

/**
 * The target holds a version that is not stable. Else its template tells by the ports that it names; one that names neither may be about
 * to change, until the apex has had its ports for a while.
 */
function isStables(
  target: V1Deployment,
  { wanted, now, isSettled }: { wanted: Port; now: Port; isSettled: boolean },
): boolean {
  const isMarked = marksOf(target);
  if (isMarked(label.held)) return true;
  const named = (target.spec?.template.spec?.containers ?? []).flatMap(portsNamed);
  if (named.includes(wanted)) return false;
  const mayBeHeld = isMarked(label.target) && !isMarked(label.promoting) && !isMarked(label.bypass);
  return named.includes(now) || (mayBeHeld && !isSettled);
}

/** Marks on an object that is not opted in came along with a copy. */
function marksOf({ metadata }: V1Deployment): (mark: string) => boolean {
  const { labels = {}, uid } = metadata ?? {};
  return (mark) => labels[label.target] === uid && mark in labels;
}

function portsNamed({ ports = [], ...container }: V1Container): Port[] {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const declared = ports.flatMap(({ containerPort, name }) => [containerPort, ...(name === undefined ? [] : [name])]);
  return [...declared, ...[livenessProbe, readinessProbe, startupProbe].flatMap(portsProbed)];
}

function portsProbed(probe: V1Probe | undefined): Port[] {
  const { httpGet, tcpSocket, grpc } = { ...probe };
  return [httpGet, tcpSocket, grpc].flatMap((asked) => (asked ? [asked.port] : []));
}
