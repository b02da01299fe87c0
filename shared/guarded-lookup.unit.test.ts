import { describe, expect, it } from "vitest";
import { createAddressGuard, guardedLookup } from "./guarded-lookup.ts";

const guard = createAddressGuard(["10.96.0.1", "fd00::1", "kubernetes.default.svc"]);

describe("an address that a name resolved to", () => {
  it.each([
    ["127.0.0.1", "loopback or unspecified"],
    ["127.9.9.9", "loopback or unspecified"],
    ["0.0.0.0", "loopback or unspecified"],
    ["::1", "loopback or unspecified"],
    ["::", "loopback or unspecified"],
    ["169.254.169.254", "link-local"],
    ["fe80::1", "link-local"],
    ["fe90::1", "link-local"],
    ["::ffff:169.254.169.254", "link-local"],
    ["::ffff:a9fe:a9fe", "link-local"],
    ["::ffff:127.0.0.1", "loopback or unspecified"],
    ["100.100.100.200", "a cloud's metadata service"],
    ["192.0.0.192", "a cloud's metadata service"],
    ["168.63.129.16", "a cloud's metadata service"],
    ["fd00:ec2::254", "a cloud's metadata service"],
    ["224.0.0.1", "multicast or broadcast"],
    ["255.255.255.255", "multicast or broadcast"],
    ["64:ff9b::a9fe:a9fe", "a translated address"],
    ["2002:a9fe:a9fe::", "a translated address"],
    ["10.96.0.1", "the API server"],
    ["::ffff:10.96.0.1", "the API server"],
    ["fd00::1", "the API server"],
  ])("%s is not connected to: it is %s", (ip, what) => expect(guard(ip)).toBe(what));

  it.each(["10.96.0.2", "10.0.0.5", "192.168.1.1", "93.184.216.34", "fd00::2", "2606:2800:220:1::1", "100.64.0.1"])(
    "%s is connected to",
    (ip) => expect(guard(ip)).toBeUndefined(),
  );

  it.each(["10.0.0.5", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::2", "::ffff:10.1.2.3"])(
    "%s is not connected to where only the Internet may be",
    (ip) => expect(createAddressGuard([], true)(ip)).toBe("a private network"),
  );

  it.each(["93.184.216.34", "172.32.0.1", "2606:2800:220:1::1"])("%s is, for it is public", (ip) =>
    expect(createAddressGuard([], true)(ip)).toBeUndefined(),
  );

  it.each([{ all: true }, {}, { family: 4 }])("is checked as it is handed on, by %j", async (options) => {
    const found = await new Promise((resolve) =>
      guardedLookup(guard)("localhost", options, (error) => resolve(error && [error.message, error.code])),
    );
    expect(found).toEqual(["it leads to loopback or unspecified", "ERR_ADDRESS_REFUSED"]);
    const open = await new Promise((resolve) =>
      guardedLookup(() => undefined)("localhost", options, (error, address) => resolve(error ?? address)),
    );
    expect(JSON.stringify(open)).toMatch(/127\.0\.0\.1|::1/);
  });
});
