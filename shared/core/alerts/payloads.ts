/** What is posted to each kind of receiver, as it documents it. Every text is a tenant's, so it is escaped where the receiver has markup. */
import type { AlertProviderSpec, AlertProviderType, AlertSeverity } from "../objects/alerts/alert-provider.ts";
import type { Alert } from "../state.ts";

export type Notice = Pick<Alert, "severity" | "message" | "fields"> & {
  /** Of the Canary. */
  name: string;
  namespace: string;
};

/** What is posted where. */
export interface Letter {
  address: string;
  /** Plain JSON. */
  body: object;
}

export function letterTo(
  { type, ...provider }: Pick<AlertProviderSpec, "type" | "channel" | "username">,
  address: string,
  notice: Notice,
): Letter {
  return letters[type](address, notice, {
    channel: provider.channel || "general",
    username: provider.username || "kubectl-canary",
  });
}

// --- internal ---

interface Sender {
  channel: string;
  username: string;
}

const letters: Record<AlertProviderType, (address: string, notice: Notice, as: Sender) => Letter> = {
  slack: (address, notice, as) => ({ address, body: attachment(escaped(notice), as, named[notice.severity]) }),
  // Discord takes Slack's format at an address of its own.
  discord: (address, notice, as) => ({
    address: withPath(address, "/slack"),
    body: attachment(notice, as, named[notice.severity]),
  }),
  rocket: (address, notice, as) => ({ address, body: attachment(notice, as, `#${colours[notice.severity]}`) }),
  msteams: (address, notice) => ({ address, body: isConnector(address) ? messageCard(notice) : adaptiveCard(notice) }),
  gchat: (address, notice) => ({ address, body: chatCard(escaped(notice)) }),
};

/** Slack's own names of colours. */
const named: Record<AlertSeverity, string> = { info: "good", warn: "warning", error: "danger" };
const colours: Record<AlertSeverity, string> = { info: "0076D7", warn: "FFA500", error: "FF0000" };

function attachment({ message, fields, ...notice }: Notice, { channel, username }: Sender, color: string): object {
  return {
    channel,
    username,
    icon_emoji: ":rocket:",
    attachments: [
      {
        color,
        author_name: titleOf(notice),
        fallback: message,
        text: message,
        mrkdwn_in: ["text"],
        fields: fields.map(({ name, value }) => ({ title: name, value, short: false })),
      },
    ],
  };
}

/** What Office 365's connectors take; what came after them does not. */
function messageCard({ message, fields, severity, ...notice }: Notice): object {
  const title = titleOf(notice);
  return {
    "@type": "MessageCard",
    "@context": "http://schema.org/extensions",
    themeColor: colours[severity],
    summary: title,
    sections: [{ activityTitle: message, activitySubtitle: title, facts: fields }],
  };
}

/** What Teams' workflows take. */
function adaptiveCard({ message, fields, severity, ...notice }: Notice): object {
  const color = { info: "good", warn: "warning", error: "attention" }[severity];
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [
      { type: "TextBlock", text: titleOf(notice), weight: "bolder", size: "medium", color, wrap: true },
      { type: "TextBlock", text: message, wrap: true },
      { type: "FactSet", facts: fields.map(({ name, value }) => ({ title: name, value })) },
    ],
    msteams: { width: "Full" },
  };
  return { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", content }] };
}

function chatCard({ message, fields, ...notice }: Notice): object {
  const paragraph = (text: string): object => ({ widgets: [{ textParagraph: { text } }] });
  const strong = (text: string): string => `<font color="#848484"><b>${text}</b></font>`;
  return {
    cards: [
      {
        header: { title: "kubectl-canary", subtitle: titleOf(notice) },
        sections: [
          paragraph(strong(message)),
          ...fields.map(({ name, value }) => paragraph(`${name}<br>${strong(value)}`)),
        ],
      },
    ],
  };
}

const titleOf = ({ name, namespace }: Pick<Notice, "name" | "namespace">): string => `${name}.${namespace}`;

/** For receivers that read `<...>` as markup: Slack's mentions and links, Google Chat's HTML. */
function escaped({ message, fields, ...notice }: Notice): Notice {
  return {
    ...notice,
    message: escape(message),
    fields: fields.map(({ name, value }) => ({ name: escape(name), value: escape(value) })),
  };
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escape = (text: string): string => text.replace(/[&<>]/g, (one) => entities[one] ?? one);

/** The address with `path` at the end of its path, where it is not there. */
function withPath(address: string, path: string): string {
  const end = address.search(/[?#]/);
  const [base, rest] = end < 0 ? [address, ""] : [address.slice(0, end), address.slice(end)];
  const bare = base.endsWith("/") ? base.slice(0, -1) : base;
  return bare.endsWith(path) ? address : `${bare}${path}${rest}`;
}

/** An Office 365 connector, rather than a workflow of Power Automate. */
function isConnector(address: string): boolean {
  const [, host = ""] = /^https?:\/\/([^/?#]{1,300})/i.exec(address) ?? [];
  return /\.office(?:365)?\.com(?::\d{1,5})?$/i.test(host);
}
