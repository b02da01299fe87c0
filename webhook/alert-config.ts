/** The settings about alerts, and how a setting is read. */
import {
  alertProviderTypes,
  alertSeverities,
  type AlertProviderType,
  type AlertSeverity,
} from "../shared/core/objects/alerts/alert-provider.ts";
import type { AlertSettings } from "./alerts/alerting.ts";
import type { EventWebhook } from "./alerts/event-webhook.ts";

export interface SettingReader<Setting extends string> {
  get: (setting: Setting) => string;
  fault: (setting: Setting, why: string) => void;
}

type Setting = "alert-provider" | "alert-addresses" | "alert-namespaces" | "event-webhook" | "cluster-name";
type Reader = SettingReader<Setting>;

export function readAlerts(reader: Reader): AlertSettings {
  const eventWebhook = jsonOf(reader, "event-webhook");
  const clusterName = reader.get("cluster-name");
  return {
    ...providerOf(reader),
    ...(eventWebhook ? { eventWebhook: addressed(reader, "event-webhook", eventWebhook) } : {}),
    ...(clusterName === "none" ? {} : { clusterName }),
    allowedAddresses: listOf(reader, "alert-addresses"),
    providerNamespaces: listOf(reader, "alert-namespaces"),
  };
}

/** `none` is how an empty list is written, or `all` where it sets no bound. */
export function listOf<S extends string>({ get }: SettingReader<S>, setting: S): string[] {
  const text = get(setting);
  return text === "none" || text === "all" ? [] : text.split(",");
}

// --- internal ---

type Texts = Partial<Record<string, string>>;

/** As the chart writes it: JSON of texts, those that are not set being empty. */
function jsonOf({ get, fault }: Reader, setting: Setting): Texts | undefined {
  const text = get(setting);
  if (text === "none") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) throw new Error("not an object");
    const given = Object.entries(value).filter(([, one]) => typeof one === "string" && one !== "");
    return Object.fromEntries(given);
  } catch {
    // Not its text: it may hold an address that is a secret.
    fault(setting, "is not JSON of an object");
    return undefined;
  }
}

/** Faults never quote the address, which for most receivers is the secret. */
function addressed({ fault }: Reader, setting: Setting, { address, secretName }: Texts): EventWebhook {
  if ((address === undefined) === (secretName === undefined))
    fault(setting, "needs an address or a secretName, and not both");
  if (address !== undefined && !/^https?:$/.test(URL.parse(address)?.protocol ?? ""))
    fault(setting, "its address is no http or https URL");
  return { ...(address ? { address } : {}), ...(secretName ? { secretName } : {}) };
}

function providerOf(reader: Reader): Pick<AlertSettings, "provider" | "severity"> {
  const given = jsonOf(reader, "alert-provider");
  if (!given) return {};
  const { channel, username, proxy } = given;
  const optional = { ...(channel ? { channel } : {}), ...(username ? { username } : {}), ...(proxy ? { proxy } : {}) };
  const provider = { type: typeOf(reader, given), ...addressed(reader, "alert-provider", given), ...optional };
  return { provider, severity: severityOf(reader, given) };
}

function typeOf({ fault }: Reader, { type }: Texts): AlertProviderType {
  const known = alertProviderTypes.find((one) => one === type);
  if (!known) fault("alert-provider", `its type "${type ?? ""}" is none of ${alertProviderTypes.join(", ")}`);
  return known ?? "slack";
}

function severityOf({ fault }: Reader, { severity = "info" }: Texts): AlertSeverity {
  const known = alertSeverities.find((one) => one === severity);
  if (!known) fault("alert-provider", `its severity "${severity}" is none of ${alertSeverities.join(", ")}`);
  return known ?? "info";
}
