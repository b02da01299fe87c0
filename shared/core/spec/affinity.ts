/** Session affinity as Flagger names it: a cookie for each track, and what browsers are told of it. */
import type { SessionAffinitySpec } from "../objects/canary.ts";
import { quoted } from "./references.ts";

export interface AffinityPolicy {
  cookieName: string;
  primaryCookieName: string;
  /** What follows the value in Set-Cookie, with its semicolon. */
  attributes: string;
}

const aDaySeconds = 86_400;

type Add = (path: string, message: string) => void;

export function affinityOf(spec: SessionAffinitySpec): AffinityPolicy {
  const { cookieName = "", maxAge = aDaySeconds, domain, path, sameSite } = spec;
  const attributes = [
    `Max-Age=${maxAge}`,
    ...(domain ? [`Domain=${domain}`] : []),
    ...(spec.httpOnly ? ["HttpOnly"] : []),
    ...(spec.partitioned ? ["Partitioned"] : []),
    ...(path ? [`Path=${path}`] : []),
    ...(sameSite ? [`SameSite=${sameSite}`] : []),
    ...(spec.secure ? ["Secure"] : []),
  ];
  const primaryCookieName = spec.primaryCookieName || `${cookieName}-primary`;
  return { cookieName, primaryCookieName, attributes: attributes.map((one) => `; ${one}`).join("") };
}

export function checkAffinity(spec: SessionAffinitySpec, add: Add): void {
  const { cookieName = "", primaryCookieName, maxAge = aDaySeconds, domain, path } = spec;
  checkText("cookieName", cookieName, { by: cookieNames, words: "is no name of a cookie", add });
  if (primaryCookieName)
    checkText("primaryCookieName", primaryCookieName, { by: cookieNames, words: "is no name of a cookie", add });
  if (cookieName !== "" && cookieName === primaryCookieName)
    add(`${at}.primaryCookieName`, "is cookieName too: each track needs a cookie of its own");
  if (!(Number.isInteger(maxAge) && maxAge >= 1))
    add(`${at}.maxAge`, `${quoted(maxAge)} is not a whole number of seconds from 1`);
  checkSecure(spec, add);
  checkText("domain", domain ?? "", { by: attributes, words: "cannot stand in a cookie", add });
  checkText("path", path ?? "", { by: attributes, words: "cannot stand in a cookie", add });
}

// --- internal ---

const at = "spec.analysis.sessionAffinity";

/** Browsers would keep no cookie, and each request change tracks. */
function checkSecure({ sameSite, partitioned, secure }: SessionAffinitySpec, add: Add): void {
  if (secure) return;
  const words = "is taken by browsers with secure: true alone";
  if (sameSite === "None") add(`${at}.sameSite`, `sameSite None ${words}`);
  if (partitioned) add(`${at}.partitioned`, `partitioned ${words}`);
}

const cookieNames = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
/** They are put into a header, between semicolons. */
const attributes = /^[\x21-\x3a\x3c-\x7e]{0,253}$/;

interface TextCheck {
  by: RegExp;
  words: string;
  add: Add;
}

function checkText(key: string, text: string, { by, words, add }: TextCheck): void {
  if (!by.test(text)) add(`${at}.${key}`, `${quoted(text)} ${words}`);
}
