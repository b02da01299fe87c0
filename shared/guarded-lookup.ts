/**
 * Where a tenant's address leads is checked when the connection is made, by the address that the name resolved to: a check of the
 * name alone is passed by any name of their own that points elsewhere, now or a second later.
 */
import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Says why an IP address may not be connected to; undefined where it may. */
export type AddressGuard = (ip: string) => string | undefined;

type Ranges = Record<string, readonly (readonly [string, number])[]>;

const ranges: Ranges = {
  "loopback or unspecified": [
    ["127.0.0.0", 8],
    ["0.0.0.0", 8],
    ["::", 127],
  ],
  "link-local": [
    ["169.254.0.0", 16],
    ["fe80::", 10],
  ],
  // Where clouds hand out credentials, beside 169.254.169.254.
  "a cloud's metadata service": [
    ["100.100.100.200", 32],
    ["192.0.0.192", 32],
    ["168.63.129.16", 32],
    ["fd00:ec2::254", 128],
    ["fd20:ce::254", 128],
  ],
  "multicast or broadcast": [
    ["224.0.0.0", 3],
    ["ff00::", 8],
  ],
  // An IPv4 address in disguise; mapped ones (::ffff:0:0/96) are read as what they are.
  "a translated address": [
    ["64:ff9b::", 96],
    ["2002::", 16],
  ],
};

/** What the Internet does not route: another network has them too, and in ours they are somebody's Services and pods. */
const privateRanges: Ranges = {
  "a private network": [
    ["10.0.0.0", 8],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
    ["100.64.0.0", 10],
    ["192.0.0.0", 24],
    ["198.18.0.0", 15],
    ["fc00::", 7],
    ["fec0::", 10],
  ],
};

/**
 * `apiServers`: IP addresses that are refused beside; what is no IP address among them is left out. `isPublicOnly`: nothing but what
 * the Internet routes may be connected to.
 */
export function createAddressGuard(apiServers: readonly string[], isPublicOnly = false): AddressGuard {
  const refused: Ranges = isPublicOnly ? { ...ranges, ...privateRanges } : ranges;
  const lists = Object.entries(refused).map(([what, nets]) => {
    const list = new BlockList();
    for (const [net, prefix] of nets) list.addSubnet(net, prefix, familyOf(net));
    return { what, list };
  });
  const servers = new BlockList();
  for (const ip of apiServers) if (isIP(ip) !== 0) servers.addAddress(ip, familyOf(ip));
  const all = [...lists, { what: "the API server", list: servers }];
  return (ip) => all.find(({ list }) => list.check(ip, familyOf(ip)))?.what;
}

/** Refuses a name if one of its addresses is refused, with an error of code `ERR_ADDRESS_REFUSED` and a reason. */
export function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      for (const { address } of addresses) {
        const reason = guard(address);
        if (reason !== undefined) return callback(new AddressRefused(reason), "", 0);
      }
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}

/** Throws `AddressRefused` for an address that is an IP address itself: such a one is never looked up. */
export function refuseLiteral({ hostname }: URL, guard: AddressGuard): void {
  const ip = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  const reason = isIP(ip) === 0 ? undefined : guard(ip);
  if (reason !== undefined) throw new AddressRefused(reason);
}

export class AddressRefused extends Error {
  readonly code = "ERR_ADDRESS_REFUSED";
  constructor(reason: string) {
    super(`it leads to ${reason}`);
  }
}

const familyOf = (ip: string): "ipv4" | "ipv6" => (isIP(ip) === 6 ? "ipv6" : "ipv4");
