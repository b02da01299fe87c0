/** The AlertProvider resource as it is on the wire (`flagger.app/v1beta1`), and how serious an alert is. */
import type { V1ObjectMeta } from "@kubernetes/client-node";

export const alertProviderTypes = ["slack", "msteams", "discord", "rocket", "gchat"] as const;
export type AlertProviderType = (typeof alertProviderTypes)[number];

export interface AlertProvider {
  apiVersion: string;
  kind: string;
  metadata: V1ObjectMeta;
  spec: AlertProviderSpec;
}

/** Either an address, or a Secret of the provider's namespace that has one. */
export interface AlertProviderSpec {
  type: AlertProviderType;
  /** `general` unless given; of slack, discord and rocket. */
  channel?: string;
  /** Who posts; `kubectl-canary` unless given; of slack, discord and rocket. */
  username?: string;
  address?: string;
  /** An HTTP proxy to send through. */
  proxy?: string;
  /** With the keys `address` and, for Slack's own API, `token`. */
  secretRef?: { name: string };
}

/** From the least to the most serious. */
export const alertSeverities = ["info", "warn", "error"] as const;
export type AlertSeverity = (typeof alertSeverities)[number];
