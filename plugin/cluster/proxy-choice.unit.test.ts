import { describe, expect, it } from "vitest";
import { proxyFor } from "./proxy-choice.ts";

const proxy = { HTTPS_PROXY: "http://proxy:3128" };

describe("the proxy of the environment", () => {
  it.each<[string, string, Record<string, string>, string | undefined]>([
    ["is the one for the server's scheme", "https://api.example:6443", proxy, "http://proxy:3128"],
    ["is none for another scheme", "http://api.example", proxy, undefined],
    ["may be written in small letters", "https://api.example", { https_proxy: "http://p:1" }, "http://p:1"],
    ["is plain HTTP where no scheme is given", "https://api.example", { HTTPS_PROXY: "p:1" }, "http://p:1"],
    ["is not asked for this machine", "https://127.0.0.1:6443", proxy, undefined],
    ["nor by its name", "https://localhost:6443", proxy, undefined],
    ["nor in IPv6", "https://[::1]:6443", proxy, undefined],
    ["is none without a URL", "api", proxy, undefined],
  ])("%s", (_, server, env, wanted) => {
    expect(proxyFor(server, env)).toBe(wanted);
  });

  it.each<[string, string, boolean]>([
    ["*", "https://api.example", true],
    ["example", "https://api.example", true],
    ["api.example", "https://api.example", true],
    ["pi.example", "https://api.example", false],
    [".example", "https://api.example", true],
    [".api.example", "https://api.example", false],
    ["*.example", "https://API.example", true],
    ["other, example", "https://api.example", true],
    ["api.example:443", "https://api.example", true],
    ["api.example:443", "https://api.example:6443", false],
    ["10.0.0.1", "https://10.0.0.1:6443", true],
    ["10.0.0.0/8", "https://10.1.2.3", true],
    ["10.0.0.0/8", "https://11.1.2.3", false],
    ["10.0.0.0/99", "https://10.1.2.3", false],
    ["fd00::/8", "https://[fd00::1]:6443", true],
    ["[fd00::1]:6443", "https://[fd00::1]:6443", true],
    ["0.0.1", "https://10.0.0.1", false],
    ["", "https://api.example", false],
  ])("NO_PROXY=%s covers %s: %s", (noProxy, server, isCovered) => {
    expect(proxyFor(server, { ...proxy, NO_PROXY: noProxy }) === undefined).toBe(isCovered);
  });
});
