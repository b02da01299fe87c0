// Where a redirected connection was going: the kernel knows, and Node has no call for it.
import type { Socket } from "node:net";
import koffi from "koffi";

export interface Address {
  readonly ip: string;
  readonly port: number;
}

const SOL_IP = 0;
const SO_ORIGINAL_DST = 80;
/** struct sockaddr_in: family (2 bytes), port (2, big-endian), address (4), padding (8). */
const SOCKADDR_IN_BYTES = 16;

type GetSockOpt = (...args: [fd: number, level: number, name: number, value: Buffer, length: number[]]) => number;

/** A function that tells a socket's original destination, `undefined` for a socket that was not redirected. */
export function originalDestinations(): (socket: Socket) => Address | undefined {
  const getsockopt = koffi
    .load(null)
    .func("int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)") as GetSockOpt;
  return (socket) => {
    const fd = descriptorOf(socket);
    const value = Buffer.alloc(SOCKADDR_IN_BYTES);
    if (fd < 0 || getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, value, [SOCKADDR_IN_BYTES]) !== 0) return undefined;
    return { ip: [...value.subarray(4, 8)].join("."), port: value.readUInt16BE(2) };
  };
}

/** Node keeps the file descriptor on an internal handle; there is no other way to it. */
function descriptorOf(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { fd?: number } })._handle;
  return handle?.fd ?? -1;
}
