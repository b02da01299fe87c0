import { X509Certificate } from "node:crypto";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { bundleOf, dueInMs, rotate, type Material, type RotationContext } from "./rotation.ts";
import {
  bundlePatch,
  certificatesIn,
  decodeSecret,
  encodeSecret,
  trustedByAll,
  type WebhookConfiguration,
} from "./store.ts";

const name = "kubectl-canary.kubectl-canary.svc";
const start = Date.UTC(2026, 10, 23);
const hour = 3_600_000;
const lifetimes = { authorityMs: 300 * hour, servingMs: 30 * hour, overlapMs: 2 * hour };

const at = (hours: number, isTrusted = true): RotationContext => ({
  now: start + hours * hour,
  dnsNames: [name],
  lifetimes,
  isTrusted: () => isTrusted,
});

let fresh: Material;
beforeAll(async () => {
  fresh = await rotate(undefined, at(0));
});

const isSignedBy = (serving: string, authority: string): boolean =>
  new X509Certificate(serving).verify(new X509Certificate(authority).publicKey);

describe("what the Secret should hold", () => {
  it("is, from nothing, an authority and a serving certificate for the Service's name", () => {
    const cert = new X509Certificate(fresh.serving.cert);
    expect(cert.checkHost(name)).toBe(name);
    expect(cert.ca).toBe(false);
    expect(new X509Certificate(fresh.authority.cert).ca).toBe(true);
    expect(isSignedBy(fresh.serving.cert, fresh.authority.cert)).toBe(true);
    expect(cert.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  });

  it("stays the very same while nothing is due", async () => {
    expect(await rotate(fresh, at(19))).toBe(fresh);
  });

  it("gets a new serving certificate of the same authority after two thirds of its life", async () => {
    const renewed = await rotate(fresh, at(21));
    expect(renewed.serving.cert).not.toBe(fresh.serving.cert);
    expect(renewed.authority).toBe(fresh.authority);
  });

  it("gets a serving certificate for the new name when the Service is renamed", async () => {
    const renewed = await rotate(fresh, { ...at(1), dnsNames: ["other.test.svc"] });
    expect(new X509Certificate(renewed.serving.cert).checkHost("other.test.svc")).toBe("other.test.svc");
  });

  it("trusts a new authority first, uses it after the overlap, and forgets the old one after another", async () => {
    const announced = await rotate(fresh, at(205));
    expect(announced.authority).toBe(fresh.authority);
    expect(isSignedBy(announced.serving.cert, fresh.authority.cert)).toBe(true);
    expect(bundleOf(announced)).toEqual([fresh.authority.cert, announced.next?.cert]);

    expect(await rotate(announced, at(206))).toBe(announced);

    const used = await rotate(announced, at(208));
    expect(used.authority).toEqual(announced.next);
    expect(used.next).toBeUndefined();
    expect(isSignedBy(used.serving.cert, used.authority.cert)).toBe(true);
    expect(bundleOf(used)).toEqual([announced.next?.cert, fresh.authority.cert]);

    const settled = await rotate(used, at(211));
    expect(bundleOf(settled)).toEqual([announced.next?.cert]);
    expect(settled.serving).toBe(used.serving);
  });

  it("does not use a new authority that the API server does not trust yet", async () => {
    const announced = await rotate(fresh, at(205));
    const waiting = await rotate(announced, at(215, false));
    expect(waiting.authority).toBe(fresh.authority);
  });

  it("is made anew when the authority has expired, or its key is another's", async () => {
    const other = await rotate(undefined, at(0));
    expect((await rotate(fresh, at(301))).authority.cert).not.toBe(fresh.authority.cert);
    const mixed = { ...fresh, authority: { ...fresh.authority, key: other.authority.key } };
    expect((await rotate(mixed, at(1))).authority.cert).not.toBe(fresh.authority.cert);
  });

  it("is made anew from rubbish", async () => {
    const rubbish = { authority: { cert: "a", key: "b" }, serving: { cert: "c", key: "d" }, old: [] };
    expect(isSignedBy((await rotate(rubbish, at(0))).serving.cert, fresh.authority.cert)).toBe(false);
    const halfGood = await rotate({ ...fresh, serving: { cert: "c", key: "d" } }, at(1));
    expect(isSignedBy(halfGood.serving.cert, fresh.authority.cert)).toBe(true);
  });

  it("says when it is next to be looked at", async () => {
    expect(dueInMs(fresh, at(0)) / hour).toBeCloseTo(20, 0);
    expect(dueInMs(fresh, at(25))).toBe(0);
    const announced = await rotate(fresh, at(205));
    expect(dueInMs(announced, at(205)) / hour).toBeCloseTo(2, 0);
  });

  it("survives being written to a Secret and read back", async () => {
    const all = await rotate(await rotate(fresh, at(205)), at(208));
    for (const material of [fresh, all, { ...fresh, next: all.authority }])
      expect(decodeSecret({ data: encodeSecret(material) })).toEqual(material);
    expect(decodeSecret(undefined)).toBeUndefined();
    expect(decodeSecret({ data: { "tls.crt": "AAAA" } })).toBeUndefined();
  });

  it("gives a certificate that a TLS client with our bundle accepts", async () => {
    const now = await rotate(undefined, { ...at(0), now: Date.now() });
    const server = https.createServer(now.serving, (_request, response) => response.end("ok"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const status = await new Promise((resolve, reject) => {
      const options = { port, host: "127.0.0.1", servername: name, ca: bundleOf(now).join("\n"), agent: false };
      https.get(options, (response) => resolve(response.statusCode)).on("error", reject);
    });
    server.close();
    expect(status).toBe(200);
  });
});

describe("the CA bundles of webhook configurations", () => {
  const encode = (...certs: string[]): string => Buffer.from(certs.join("\n")).toString("base64");
  const configuration = (...bundles: (string | undefined)[]): WebhookConfiguration => ({
    metadata: { name: "zz-kubectl-canary", resourceVersion: "1" },
    webhooks: bundles.map((caBundle, index) => ({
      name: `w${index}`,
      clientConfig: caBundle === undefined ? {} : { caBundle },
    })),
  });
  const never = (): boolean => false;
  const bundlesOf = (patch: object | undefined): string[][] =>
    ((patch as WebhookConfiguration | undefined)?.webhooks ?? []).map((webhook) =>
      certificatesIn(Buffer.from(webhook.clientConfig?.caBundle ?? "", "base64").toString()),
    );

  it("are patched where they lack a certificate, and only there", () => {
    const patch = bundlePatch(configuration(undefined, encode(fresh.authority.cert)), bundleOf(fresh), never);
    expect(patch).toHaveProperty("webhooks.length", 1);
    expect(bundlesOf(patch)).toEqual([[fresh.authority.cert]]);
    expect(bundlePatch(configuration(encode(fresh.authority.cert, "")), bundleOf(fresh), never)).toBeUndefined();
  });

  it("keep what is asked to be kept, and lose the rest and any rubbish", async () => {
    const other = await rotate(undefined, at(0));
    const before = configuration(
      encode(other.authority.cert, "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----"),
    );
    expect(bundlesOf(bundlePatch(before, bundleOf(fresh), () => true))).toEqual([
      [fresh.authority.cert, other.authority.cert],
    ]);
    expect(bundlesOf(bundlePatch(before, bundleOf(fresh), never))).toEqual([[fresh.authority.cert]]);
  });

  it("are left alone where another replica wrote the same in another order", async () => {
    const other = await rotate(undefined, at(0));
    const before = configuration(encode(other.authority.cert, fresh.authority.cert));
    expect(bundlePatch(before, bundleOf(fresh), () => true)).toBeUndefined();
  });

  it("trust together what every single one trusts", async () => {
    const other = await rotate(undefined, at(0));
    const [a, b] = [fresh.authority.cert, other.authority.cert];
    expect(trustedByAll([configuration(encode(a, b), encode(b)), configuration(encode(b, a))])).toEqual(new Set([b]));
    expect(trustedByAll([configuration(encode(a)), configuration(undefined)])).toEqual(new Set());
    expect(trustedByAll([])).toEqual(new Set());
  });
});
