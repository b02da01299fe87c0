/**
 * What each kind of receiver takes, as its documentation has it: Slack's chat.postMessage and incoming webhooks, Discord's Slack-compatible
 * webhooks, Rocket.Chat's integrations, Office 365 connectors' MessageCard, Teams workflows' Adaptive Card, Google Chat's cards. A receiver
 * of ours answers 400 to anything else.
 */
import type { AlertProviderType } from "../../shared/core/objects/alerts/alert-provider.ts";

/** Faults of a body; none where the receiver takes it. */
export type Schema = (body: unknown, path: string) => string[];

const text: Schema = (value, path) => (typeof value === "string" && value !== "" ? [] : [`${path} is no text`]);
const flag: Schema = (value, path) => (typeof value === "boolean" ? [] : [`${path} is neither true nor false`]);
const exactly =
  (...wanted: unknown[]): Schema =>
  (value, path) =>
    wanted.includes(value) ? [] : [`${path} is ${JSON.stringify(value)} and none of ${JSON.stringify(wanted)}`];
const like =
  (pattern: RegExp): Schema =>
  (value, path) =>
    typeof value === "string" && pattern.test(value) ? [] : [`${path} is ${JSON.stringify(value)}`];

/** Nothing but these fields; those with `?` may be left out. */
function object(fields: Record<string, Schema>): Schema {
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path} is no object`];
    const found = value as Record<string, unknown>;
    const known = Object.keys(fields).map((field) => field.replace("?", ""));
    const strange = Object.keys(found).filter((field) => !known.includes(field));
    const faults = Object.entries(fields).flatMap(([field, schema]) => {
      const name = field.replace("?", "");
      return field.endsWith("?") && found[name] === undefined ? [] : schema(found[name], `${path}.${name}`);
    });
    return [...strange.map((field) => `${path} has no ${field}`), ...faults];
  };
}

const list =
  (items: Schema, least = 0): Schema =>
  (value, path) =>
    Array.isArray(value) && value.length >= least
      ? value.flatMap((item, index) => items(item, `${path}[${index}]`))
      : [`${path} is no list of ${least} or more`];

/** Slack reads `<...>` as mentions and links: a tenant's text must not make any. */
const slackText: Schema = (value, path) => [
  ...text(value, path),
  ...(/[<>]/.test(String(value)) ? [`${path} has markup`] : []),
];

const attachments = (color: RegExp, words: Schema): Schema =>
  object({
    channel: text,
    username: text,
    icon_emoji: like(/^:[a-z_]+:$/),
    attachments: list(
      object({
        color: like(color),
        author_name: text,
        fallback: words,
        text: words,
        mrkdwn_in: list(exactly("text", "pretext", "fields")),
        fields: list(object({ title: words, value: words, short: flag })),
      }),
      1,
    ),
  });

const messageCard = object({
  "@type": exactly("MessageCard"),
  "@context": like(/^https?:\/\/schema\.org\/extensions$/),
  themeColor: like(/^[0-9A-F]{6}$/),
  summary: text,
  sections: list(
    object({ activityTitle: text, activitySubtitle: text, facts: list(object({ name: text, value: text })) }),
    1,
  ),
});

const textBlock = object({
  type: exactly("TextBlock"),
  text,
  "wrap?": flag,
  "weight?": exactly("bolder"),
  "size?": exactly("medium"),
  "color?": exactly("good", "warning", "attention"),
});
const factSet = object({ type: exactly("FactSet"), facts: list(object({ title: text, value: text }), 1) });

const adaptiveCard = object({
  type: exactly("message"),
  attachments: list(
    object({
      contentType: exactly("application/vnd.microsoft.card.adaptive"),
      content: object({
        $schema: exactly("http://adaptivecards.io/schemas/adaptive-card.json"),
        type: exactly("AdaptiveCard"),
        version: like(/^1\.[0-5]$/),
        body: list((value, path) => {
          const isFacts = (value as { type?: unknown } | null)?.type === "FactSet";
          return isFacts ? factSet(value, path) : textBlock(value, path);
        }, 1),
        msteams: object({ width: exactly("Full") }),
      }),
    }),
    1,
  ),
});

/** Google Chat renders a few tags and refuses what is not closed. */
const chatText: Schema = (value, path) => {
  const bare = String(value).replaceAll(/<\/?(?:b|br|font)(?: color="#[0-9a-f]{6}")?>/g, "");
  return [...text(value, path), ...(/[<>]/.test(bare) ? [`${path} has markup of a tenant's`] : [])];
};

const chatCard = object({
  cards: list(
    object({
      header: object({ title: text, subtitle: text }),
      sections: list(object({ widgets: list(object({ textParagraph: object({ text: chatText }) }), 1) }), 1),
    }),
    1,
  ),
});

export const schemas: Record<AlertProviderType | "msteams-connector", Schema> = {
  slack: attachments(/^(good|warning|danger)$/, slackText),
  discord: attachments(/^(good|warning|danger)$/, text),
  rocket: attachments(/^#[0-9A-F]{6}$/, text),
  msteams: adaptiveCard,
  "msteams-connector": messageCard,
  gchat: chatCard,
};

/** Of the chart's event webhook, as Flagger documents it. */
export const eventSchema = object({
  name: text,
  namespace: text,
  phase: text,
  checksum: text,
  metadata: object({ eventMessage: text, eventType: exactly("Normal", "Warning"), timestamp: like(/^\d{13}$/) }),
});
