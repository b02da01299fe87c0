/** Settings of the controller: environment variables as the chart sets them, flags over them, all faults named at once. */
import { parseArgs } from "node:util";
import { parseDuration } from "../shared/core/format/duration.ts";
import { CanaryError } from "../shared/kube/errors.ts";
import { listOf, readAlerts, type SettingReader } from "./alert-config.ts";
import type { AlertSettings } from "./alerts/alerting.ts";
import { certificateIssuers, type CertificateIssuer } from "./certificates/source.ts";

export interface Config {
  command: "run" | "uninstall";
  /** Where the controller, its Service, Secret and Lease are. */
  namespace: string;
  /** Unique to this process: the pod's name. */
  identity: string;
  serviceName: string;
  /** The controller's own Deployment. */
  deployment: string;
  serviceAccount: string;
  /** `userInfo.username` of the controller and of the uninstall hook; their writes are not gated. */
  ownAccounts: string[];
  /** Holds the serving certificate. */
  secretName: string;
  /** Who writes it there. */
  certificateIssuer: CertificateIssuer;
  mutatingConfiguration: string;
  validatingConfiguration: string;
  port: number;
  metricsPort: number;
  logLevel: LogLevel;
  /** Router for Canaries that name none; `auto`: TrafficSplit where it is installed, else HTTPRoute. */
  provider: string;
  /** Prometheus that knows Linkerd's metrics. */
  metricsServer: string;
  /** How often that Prometheus looks at the pods. */
  scrapeIntervalMs: number;
  /** Hosts that a MetricTemplate or a Canary may name besides; `*` stands for any text. */
  allowedAddresses: string[];
  /** Hosts that a Canary's webhooks may name besides; `*` stands for any text. */
  hookAddresses: string[];
  /** Namespaces whose MetricTemplates every Canary may name. */
  templateNamespaces: string[];
  /** The only namespaces that are looked after; empty: all. */
  watchNamespaces: string[];
  /** Namespaces where the webhook is not asked: no Canary there may start. */
  excludedNamespaces: string[];
  /** A route of ours may have other parents than Services of the Canary's namespace. */
  allowGateways: boolean;
  /** Where ConfigMaps and Secrets are read, for Canaries that track them. */
  configNamespaces: string[];
  /** How often. */
  configIntervalMs: number;
  /** What keeps the key of their hashes, beside the controller. */
  hashKeySecret: string;
  /** NetworkPolicies, budgets and monitors are read. */
  readPolicies: boolean;
  alerts: AlertSettings;
  /** IP address of the API server's Service, where there is one: Kubernetes tells every pod. */
  apiServer?: string;
  leaseDurationMs: number;
  renewDeadlineMs: number;
  retryPeriodMs: number;
  /** Between failing readiness and closing the port: how long others may take to see it. */
  drainMs: number;
  /** How long the uninstall command may take to put everything back. */
  uninstallDeadlineMs: number;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export type Env = Readonly<Record<string, string | undefined>>;

/** Flag name, and default; without a default it must be set. The environment variable is the flag in capitals with a prefix. */
const settings = {
  namespace: undefined,
  identity: undefined,
  "service-name": "kubectl-canary",
  deployment: "kubectl-canary",
  "service-account": "kubectl-canary",
  "uninstall-service-account": "kubectl-canary-uninstall",
  "secret-name": "kubectl-canary-certificate",
  "certificate-issuer": "own",
  "mutating-configuration": "zz-kubectl-canary",
  "validating-configuration": "kubectl-canary",
  port: "10250",
  "metrics-port": "8080",
  "log-level": "info",
  provider: "auto",
  "metrics-server": "http://prometheus.linkerd-viz:9090",
  "scrape-interval": "10s",
  "allowed-addresses": "none",
  "hook-addresses": "none",
  "template-namespaces": "none",
  "watch-namespaces": "all",
  "excluded-namespaces": "none",
  "allow-gateways": "false",
  "read-policies": "true",
  "config-namespaces": "none",
  "config-interval": "15s",
  "hash-key-secret": "kubectl-canary-hash-key",
  "alert-provider": "none",
  "alert-addresses": "none",
  "alert-namespaces": "none",
  "event-webhook": "none",
  "cluster-name": "none",
  "lease-duration": "15s",
  "renew-deadline": "10s",
  "retry-period": "2s",
  drain: "5s",
  "uninstall-deadline": "150s",
} as const;
type Setting = keyof typeof settings;

/** `KUBECTL_CANARY_LOG_LEVEL` for `log-level`. */
export const variableOf = (setting: string): string => `KUBECTL_CANARY_${setting.toUpperCase().replaceAll("-", "_")}`;

/** `args` without node and script. Throws `Usage` with every fault. */
export function readConfig(args: readonly string[], env: Env): Config {
  const faults: string[] = [];
  const { values, positionals } = flags(args);
  const get = (setting: Setting): string => {
    const value = values[setting] ?? env[variableOf(setting)] ?? settings[setting];
    if (!value) faults.push(`${variableOf(setting)} (or --${setting}) is not set`);
    return value ?? "";
  };
  const reader: Reader = { get, fault: (setting, why) => faults.push(`${variableOf(setting)}: ${why}`) };
  const parts = { ...names(reader), ...network(reader), ...timings(reader) };
  const config = { command: commandOf(positionals, faults), ...parts, alerts: readAlerts(reader) };
  const { KUBERNETES_SERVICE_HOST: apiServer } = env;
  if (faults.length > 0) throw new CanaryError("Usage", `Cannot start: ${faults.join("; ")}.`);
  return apiServer ? { ...config, apiServer } : config;
}

// --- internal ---

type Reader = SettingReader<Setting>;

function flags(args: readonly string[]): { values: Partial<Record<Setting, string>>; positionals: string[] } {
  const options = Object.fromEntries(Object.keys(settings).map((name) => [name, { type: "string" as const }]));
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: values, positionals };
  } catch (error) {
    throw new CanaryError("Usage", `Cannot start: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function commandOf(positionals: readonly string[], faults: string[]): Config["command"] {
  const [command = "run", ...rest] = positionals;
  if ((command === "run" || command === "uninstall") && rest.length === 0) return command;
  faults.push(`unknown command "${positionals.join(" ")}" (run or uninstall)`);
  return "run";
}

function names(reader: Reader) {
  const { get } = reader;
  const namespace = get("namespace");
  const account = (name: string): string => `system:serviceaccount:${namespace}:${name}`;
  return {
    namespace,
    identity: get("identity"),
    serviceName: get("service-name"),
    deployment: get("deployment"),
    serviceAccount: get("service-account"),
    ownAccounts: [account(get("service-account")), account(get("uninstall-service-account"))],
    secretName: get("secret-name"),
    certificateIssuer: issuerOf(reader),
    mutatingConfiguration: get("mutating-configuration"),
    validatingConfiguration: get("validating-configuration"),
  };
}

function network(reader: Reader) {
  const port = portOf(reader, "port");
  const metricsPort = portOf(reader, "metrics-port");
  if (port === metricsPort) reader.fault("metrics-port", `${port} is the webhook's port already`);
  return {
    port,
    metricsPort,
    logLevel: logLevelOf(reader),
    provider: providerOf(reader),
    metricsServer: urlOf(reader, "metrics-server"),
    scrapeIntervalMs: durationOf(reader, "scrape-interval"),
    allowedAddresses: listOf(reader, "allowed-addresses"),
    hookAddresses: listOf(reader, "hook-addresses"),
    templateNamespaces: listOf(reader, "template-namespaces"),
    watchNamespaces: listOf(reader, "watch-namespaces"),
    excludedNamespaces: listOf(reader, "excluded-namespaces"),
    allowGateways: booleanOf(reader, "allow-gateways"),
    configNamespaces: listOf(reader, "config-namespaces"),
    configIntervalMs: durationOf(reader, "config-interval"),
    hashKeySecret: reader.get("hash-key-secret"),
    readPolicies: booleanOf(reader, "read-policies"),
  };
}

function timings(reader: Reader) {
  const leaseDurationMs = durationOf(reader, "lease-duration");
  const renewDeadlineMs = durationOf(reader, "renew-deadline");
  const retryPeriodMs = durationOf(reader, "retry-period");
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs))
    reader.fault("lease-duration", "must be longer than the renew deadline, and that longer than the retry period");
  const drainMs = durationOf(reader, "drain");
  const uninstallDeadlineMs = durationOf(reader, "uninstall-deadline");
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs, drainMs, uninstallDeadlineMs };
}

function booleanOf({ get, fault }: Reader, setting: Setting): boolean {
  const text = get(setting);
  if (text !== "true" && text !== "false") fault(setting, `"${text}" is neither true nor false`);
  return text === "true";
}

function portOf({ get, fault }: Reader, setting: Setting): number {
  const port = Number(get(setting));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) fault(setting, `"${get(setting)}" is not a port`);
  return port;
}

function logLevelOf({ get, fault }: Reader): LogLevel {
  const level = logLevels.find((one) => one === get("log-level"));
  if (!level) fault("log-level", `"${get("log-level")}" is none of ${logLevels.join(", ")}`);
  return level ?? "info";
}

function issuerOf({ get, fault }: Reader): CertificateIssuer {
  const issuer = certificateIssuers.find((one) => one === get("certificate-issuer"));
  if (!issuer)
    fault("certificate-issuer", `"${get("certificate-issuer")}" is none of ${certificateIssuers.join(", ")}`);
  return issuer ?? "own";
}

function providerOf({ get, fault }: Reader): string {
  const provider = get("provider");
  const isKnown = provider === "auto" || provider === "linkerd" || /^(gatewayapi|smi):v[0-9a-z]+$/.test(provider);
  if (!isKnown) fault("provider", `"${provider}" is none of auto, linkerd, smi:<version>, gatewayapi:<version>`);
  return provider;
}

function urlOf({ get, fault }: Reader, setting: Setting): string {
  const url = get(setting);
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) fault(setting, `"${url}" is not an http or https URL`);
  return url;
}

function durationOf({ get, fault }: Reader, setting: Setting): number {
  const ms = parseDuration(get(setting));
  if (ms === undefined) fault(setting, `"${get(setting)}" is not a duration such as 10s`);
  return ms ?? 0;
}
