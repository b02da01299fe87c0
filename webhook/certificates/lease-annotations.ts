/** What everyone may know of the serving certificate, as annotations of the leader's Lease: moments, so that no day rewrites it. */
import { leaseAnnotation } from "../../shared/core/objects/names.ts";
import type { Validities } from "./rotation.ts";
import type { CertificateIssuer } from "./source.ts";

export function certificateNotes(validity: Validities | undefined, issuer: CertificateIssuer): Record<string, string> {
  if (!validity) return {};
  const text = (at: number): string => new Date(at).toISOString();
  return {
    [leaseAnnotation.certificateIssuer]: issuer,
    [leaseAnnotation.certificateExpires]: text(validity.notAfter),
    [leaseAnnotation.certificateRenewBy]: text(validity.renewBy),
  };
}
