import { describe, expect, it } from "vitest";
import { refusalOf } from "./core/analysis/allowed-addresses.ts";
import { asRequested, createPrometheus } from "./prometheus.ts";

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
      await expect(createPrometheus({ address }).query("up")).rejects.toThrow(/is no http or https address/);
    },
  );

  it("is shown without its password", async () => {
    await expect(createPrometheus({ address: "http://u:p/ss@prom?" }).query("up")).rejects.toThrow("http://***@prom");
  });
});
