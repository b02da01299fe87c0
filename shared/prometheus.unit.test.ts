import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { refusalOf } from "./core/queries/allowed-addresses.ts";
import { createAddressGuard } from "./guarded-lookup.ts";
import { asRequested, createPrometheus } from "./prometheus.ts";
import { systemClock } from "./kube/clock.ts";

describe("an address is checked as it will be asked", () => {
  it.each([
    "http://a@b@169.254.169.254",
    "http://169.254.169.254\\@x",
    "http://%31%36%39.254.169.254",
    "http://169.0376.169.254",
    "http://[0::1]:8080",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]",
  ])("%s is none that may be asked", (address) => {
    expect(refusalOf(asRequested(address), ["*"])).toMatch(/may not ask/);
  });

  it("a pattern is not fooled by what comes after the host", () => {
    expect(refusalOf(asRequested("http://evil.com\\.metrics"), ["*.metrics"])).toMatch(/may not ask evil.com/);
  });

  it.each(["http://prometheus:9090?", "http://prometheus:9090/#"])(
    "%s, which would choose its own path, is refused",
    async (address) => {
      await expect(createPrometheus({ timers: systemClock, address }).query("up")).rejects.toThrow(
        /is no http or https address/,
      );
    },
  );

  it("is shown without its password", async () => {
    await expect(createPrometheus({ timers: systemClock, address: "http://u:p/ss@prom?" }).query("up")).rejects.toThrow(
      "http://***@prom",
    );
  });

  // Squared, each of these would block the process for a quarter of a minute: longer than a test may take.
  it.each([
    ["of slashes", `http://p${"/".repeat(200_000)}x`],
    ["of slashes and spaces", `http://p ${"/".repeat(200_000)}x`],
    ["of digits", `http://${"1".repeat(200_000)}`],
  ])("costs no time where it is a long row %s, and is not shown whole", async (_, address) => {
    const refused = createPrometheus({ timers: systemClock, address }).query("up");
    await expect(refused).rejects.toThrow(/is no http or https address/);
    await expect(refused).rejects.toSatisfy((error: Error) => error.message.length < 400);
    expect(refusalOf(asRequested(address), ["prometheus.monitoring:9090", "*a*b*c*"])).toMatch(
      /is no http or https address/,
    );
  });

  it("of a stranger is refused where it leads to the machine itself, literal or by name", async () => {
    const guard = createAddressGuard([]);
    const ask = (address: string): Promise<unknown> =>
      createPrometheus({ timers: systemClock, address, guard }).query("up");
    await expect(ask("http://127.0.0.1:9090")).rejects.toThrow(/may not be asked, for it leads to loopback/);
    await expect(ask("http://[::ffff:169.254.169.254]")).rejects.toThrow(/leads to link-local/);
    await expect(ask("http://localhost:9090")).rejects.toMatchObject({ code: "RefusedAddress" });
  });

  it.each([
    [500, "swordfish", /answered 500; see its log$/],
    [400, JSON.stringify({ error: "swordfish" }), /cannot evaluate the query: it answered 400/],
    [200, "swordfish", /answered something, which is no query result/],
    [302, "swordfish", /answered 302 and redirects to another address/],
    [200, JSON.stringify({ status: "success", data: {}, warnings: ["swordfish"] }), /only part of its data; see/],
    [200, JSON.stringify({ status: "success", data: { resultType: "swordfish" } }), /answered a value, not a vector/],
  ])("of a stranger answers %i, of which no word is told on", async (status, body, said) => {
    const server = createServer((_, response) => response.writeHead(status, { location: "/swordfish" }).end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const refused = await createPrometheus({ timers: systemClock, address, isForeign: true }).query("up").catch(String);
    expect(refused).toMatch(said);
    expect(refused).not.toContain("swordfish");
    server.close();
  });

  it("keeps a path prefix, whatever slashes end it", async () => {
    const server = createServer((request, response) => response.end(JSON.stringify({ said: request.url })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}/prefix//`;
    await expect(createPrometheus({ timers: systemClock, address }).query("up")).rejects.toThrow(
      "/prefix/api/v1/query?query=up",
    );
    server.close();
  });
});
