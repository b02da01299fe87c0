import { beforeAll, describe, expect, it } from "vitest";
import { readIssued } from "./cert-manager.ts";
import { issueAuthority, issueServing, type Issued } from "./issue.ts";
import { validityOf } from "./rotation.ts";

const host = "kubectl-canary.kubectl-canary.svc";
const now = Date.UTC(2026, 10, 24);
const dayMs = 86_400_000;
const quarter = { now, lifetimeMs: 90 * dayMs };
const options = { secretName: "kubectl-canary-tls", dnsNames: [host] as [string], now };

let authority: Issued;
let serving: Issued;
beforeAll(async () => {
  authority = await issueAuthority("theirs", quarter);
  serving = await issueServing(authority, [host], quarter);
});

const secret = (parts: Record<string, string>) => ({
  data: Object.fromEntries(Object.entries(parts).map(([key, pem]) => [key, Buffer.from(pem).toString("base64")])),
});
const written = () => ({ "tls.crt": serving.cert, "tls.key": serving.key, "ca.crt": authority.cert });

describe("what cert-manager wrote", () => {
  it("is served, and its CA is to be trusted", () => {
    expect(readIssued(secret(written()), options)).toEqual({
      serving,
      signers: [authority.cert],
      bundle: [authority.cert],
      renewalAt: now + 60 * dayMs,
    });
  });

  it("is served with the certificates between it and its CA", async () => {
    const chain = `${serving.cert}\n${authority.cert}\n`;
    const root = await issueAuthority("root", quarter);
    expect(readIssued(secret({ ...written(), "tls.crt": chain }), options)).toMatchObject({
      serving: { cert: chain.trim() },
    });
    expect(readIssued(secret({ ...written(), "ca.crt": root.cert }), options)).toMatch(/signed by none of its ca.crt/);
  });

  it("may have signed itself", () => {
    const alone = { "tls.crt": authority.cert, "tls.key": authority.key, "ca.crt": authority.cert };
    // This one is for no host, which is found first.
    expect(readIssued(secret(alone), options)).toMatch(/is for no name, not for kubectl-canary/);
  });

  it.each<[string, () => Record<string, string> | undefined, RegExp]>([
    ["is not there yet", () => undefined, /has not written Secret kubectl-canary-tls yet: see its Certificate/],
    ["has no certificate yet", () => ({ "tls.key": serving.key }), /holds no certificate yet/],
    ["has another's key", () => ({ ...written(), "tls.key": authority.key }), /key that is another certificate's/],
    ["names no CA", () => ({ ...written(), "ca.crt": "" }), /names no CA \(ca.crt\): use an issuer that does/],
    ["is rubbish", () => ({ ...written(), "tls.key": "rubbish" }), /cannot be read: /],
  ])("is of no use where it %s, and why is said", (_, parts, said) => {
    const given = parts();
    expect(readIssued(given && secret(given), options)).toMatch(said);
  });

  it("is of no use once it has expired, or for another name", () => {
    expect(readIssued(secret(written()), { ...options, now: now + 90 * dayMs })).toMatch(/has expired, on /);
    expect(readIssued(secret(written()), { ...options, dnsNames: ["x.y.svc"] })).toMatch(/, not for x.y.svc/);
  });
});

describe("a serving certificate", () => {
  it("must be renewed a day after it was due, or sooner where it lives shortly", async () => {
    expect(validityOf(serving)).toEqual({ notAfter: now + 90 * dayMs, renewBy: now + 61 * dayMs });
    const short = await issueServing(authority, [host], { now, lifetimeMs: 12 * 3_600_000 });
    expect(validityOf(short).renewBy).toBe(now + 9 * 3_600_000);
  });
});
