/**
 * What each kind of receiver is sent: taken by a server that checks its documented schema, and as a golden text.
 * `UPDATE=1 npx vitest run --project unit test/alerts/messages.unit.test.ts` rewrites it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { letterTo, type Notice } from "../../shared/core/alerts/payloads.ts";
import {
  alertProviderTypes,
  alertSeverities,
  type AlertProviderType,
} from "../../shared/core/objects/alerts/alert-provider.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { deliver } from "../../webhook/alerts/deliver.ts";
import { aReceiver, answering, type Receiver } from "./receiver.ts";
import { schemas } from "./schemas.ts";

const file = new URL("./messages.txt", import.meta.url);
const open: Receiver[] = [];
afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.close();
});

const notice: Notice = {
  name: "podinfo",
  namespace: "test",
  severity: "error",
  message:
    "Rolling back podinfo:1.7.1: 5 failed checks, the last: success rate 90.40% < 99%. podinfo:1.7.0 goes on serving.",
  fields: [
    { name: "Cluster", value: "production" },
    { name: "Target", value: "Deployment/podinfo.test" },
    { name: "Version", value: "podinfo:1.7.1" },
  ],
};

/** A tenant's words are in it: an image, a user, an error of a container. */
const hostile: Notice = {
  ...notice,
  message: 'Asked for by <!channel> & <https://evil.example|the CEO> <img src="x">',
  fields: [{ name: "Version", value: "</b><script>&amp;" }],
};

async function received(type: AlertProviderType, sent: Notice, schema = schemas[type]): Promise<Receiver> {
  const receiver = await aReceiver({ schema });
  open.push(receiver);
  await deliver({ spec: { type, channel: "releases" }, address: `${receiver.address}/hooks/T0` }, sent, systemClock);
  return receiver;
}

describe("a receiver", () => {
  const cases = alertProviderTypes.flatMap((type) => alertSeverities.map((severity) => [type, severity] as const));

  it.each(cases)("of type %s takes an alert of severity %s, as it documents it", async (type, severity) => {
    const { got, faults } = await received(type, { ...notice, severity });
    expect(faults).toEqual([]);
    expect(got).toHaveLength(1);
  });

  it.each(alertProviderTypes)("of type %s gets a tenant's text as text, and no markup of it", async (type) => {
    expect((await received(type, hostile)).faults).toEqual([]);
  });

  it("that is an Office 365 connector gets a card as those take it", () => {
    for (const address of ["https://acme.webhook.office.com/webhookb2/x", "https://outlook.office.com/webhook/x"]) {
      const { body } = letterTo({ type: "msteams" }, address, notice);
      expect(schemas["msteams-connector"](body, "body")).toEqual([]);
    }
    const workflow = "https://prod-11.westus.logic.azure.com:443/workflows/x?sig=acme.office.com";
    expect(schemas.msteams(letterTo({ type: "msteams" }, workflow, notice).body, "body")).toEqual([]);
  });

  it.each([
    ["https://discord.com/api/webhooks/1/x", "https://discord.com/api/webhooks/1/x/slack"],
    ["https://discord.com/api/webhooks/1/x/", "https://discord.com/api/webhooks/1/x/slack"],
    [
      "https://discord.com/api/webhooks/1/x/slack?thread_id=7",
      "https://discord.com/api/webhooks/1/x/slack?thread_id=7",
    ],
    ["https://discord.com/api/webhooks/1/x?thread_id=7", "https://discord.com/api/webhooks/1/x/slack?thread_id=7"],
  ])("of Discord's at %s is sent Slack's format at %s", (given, asked) => {
    expect(letterTo({ type: "discord" }, given, notice).address).toBe(asked);
  });

  it("of Slack's API is shown the token, and believed only where it says that it has taken the message", async () => {
    const receiver = await aReceiver({
      answer: (response, count) => response.end(JSON.stringify({ ok: count === 1 })),
    });
    open.push(receiver);
    const slack = {
      spec: { type: "slack" as const },
      address: `${receiver.address}/api/chat.postMessage`,
      token: "xoxb-1",
    };
    await deliver(slack, notice, systemClock);
    expect(receiver.got[0]?.headers.authorization).toBe("Bearer xoxb-1");
    await expect(deliver(slack, notice, systemClock)).rejects.toMatchObject({ kind: "refused", mayRetry: false });
  });

  it.each([
    [404, "it answered 404; see that its address is right and still valid", false],
    [403, "it answered 403; see its credentials", false],
    [302, "it answered 302; a redirect is not followed: give the final address", false],
    [429, "it answered 429", true],
    [503, "it answered 503", true],
  ])("that answers %i is told of by its code, and no word of its own", async (status, message, mayRetry) => {
    const receiver = await aReceiver({ answer: answering(status, "the secret is swordfish") });
    open.push(receiver);
    const sent = deliver({ spec: { type: "slack" }, address: receiver.address }, notice, systemClock);
    await expect(sent).rejects.toMatchObject({ kind: "http-error", message, mayRetry });
  });
});

it("each kind of message is as it was reviewed", () => {
  const addresses: [string, AlertProviderType, string][] = [
    ...alertProviderTypes.map(
      (type) => [type, type, "https://hooks.example/T0"] as [string, AlertProviderType, string],
    ),
    ["msteams, at a connector", "msteams", "https://acme.webhook.office.com/T0"],
  ];
  const text = addresses
    .map(([title, type, address]) => `${title}\n${JSON.stringify(letterTo({ type }, address, notice), null, 2)}\n`)
    .join("\n");
  if (process.env["UPDATE"] !== undefined) writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, "utf8"));
});
