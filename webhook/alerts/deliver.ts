/** Posts one alert to one receiver. */
import { letterTo, type Notice } from "../../shared/core/alerts/payloads.ts";
import { post, type Post } from "../outbound/post.ts";
import type { Timers } from "../../shared/kube/clock.ts";
import { SendError } from "../outbound/send-error.ts";
import type { Receiver } from "./receivers.ts";

/** For one attempt, as Flagger waits. */
const timeoutMs = 5_000;
/** Slack's API says in its answer whether it has taken a message. */
const slackAnswer = 65_536;

/** Rejects with a SendError, in a clause with the code and the kind, where the receiver has not taken it. */
export async function deliver(
  { spec, address, token, ...way }: Receiver,
  notice: Notice,
  timers: Timers,
): Promise<void> {
  const letter = letterTo(spec, address, notice);
  const isSlackApi = spec.type === "slack" && token !== undefined;
  const headers = isSlackApi ? { headers: { authorization: `Bearer ${token}` } } : {};
  const reading = isSlackApi ? { maxBytes: slackAnswer } : {};
  const body = await postJson({ ...way, ...headers, ...reading, timers }, letter.address, letter.body);
  if (isSlackApi && isRefusal(body))
    throw new SendError("refused", "Slack answered that it does not take it; see its token and channel");
}

/** What a receiver answers, from 200 to 299. Rejects with a SendError for any other. */
export async function postJson(
  way: Omit<Post, "url" | "body" | "timeoutMs">,
  address: string,
  body: object,
): Promise<string> {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new SendError("bad-address", "its address is no http or https address; correct it");
  const answer = await post({ ...way, url, body: JSON.stringify(body), timeoutMs });
  const { status } = answer;
  if (status >= 200 && status < 300) return answer.body;
  throw new SendError("http-error", `it answered ${status}${cureOf(status)}`, { status });
}

// --- internal ---

function isRefusal(body: string): boolean {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null && "ok" in answer && answer.ok === false;
  } catch {
    return false;
  }
}

function cureOf(status: number): string {
  if (status >= 300 && status < 400) return "; a redirect is not followed: give the final address";
  if (status === 401 || status === 403) return "; see its credentials";
  if (status === 404 || status === 410) return "; see that its address is right and still valid";
  return "";
}
