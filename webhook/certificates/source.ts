/** The issuer of the serving certificate: the controller itself, or cert-manager. */
import type { X509Certificate } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Issued } from "./issue.ts";

export const certificateIssuers = ["own", "cert-manager"] as const;
export type CertificateIssuer = (typeof certificateIssuers)[number];

/** A serving certificate as its Secret has it now, and what the API server must know for it. */
export interface CertificateState {
  /** With the certificates between it and its signer, if there are any. */
  serving: Issued;
  /** What the API server must trust before this is served, PEM certificates. */
  signers: readonly string[];
  /** What it should trust, `signers` included. */
  bundle: readonly string[];
  /** When the serving certificate is due for renewal, ms since the epoch. */
  renewalAt: number;
}

export interface CertificateSource {
  /** What the Secret holds, renewed and written first where that is ours to do; a sentence where it holds nothing of use. */
  hold(secret: V1Secret | undefined, isTrusted: (cert: string) => boolean): Promise<CertificateState | string>;
  /** ms until something may be due. */
  dueInMs(): number;
  /** Whether a certificate that is in a bundle and not wanted there may serve some replica still. */
  keeps(cert: X509Certificate, current: CertificateState): boolean;
}
