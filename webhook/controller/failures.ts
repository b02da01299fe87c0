/** What of a loop's failures goes to the log, and how loud. */
import { CanaryError, hasCode } from "../../shared/kube/errors.ts";
import type { Logger } from "../../shared/log.ts";

/** A Conflict only means that the world moved first: the next look is on its way. */
export function lookFailed(log: Logger): (key: string, error: unknown, retryInMs: number | undefined) => void {
  return (key, error, retryInMs) => {
    const canary = key.split("/").reverse().join(".");
    if (hasCode(error, "Conflict")) return log.info({ canary, retryInMs }, "the cluster moved first: looking again");
    const known = error instanceof CanaryError;
    if (known && error.causes.includes("NamespaceTerminating"))
      return log.info({ canary }, "the namespace is being deleted: nothing is made in it");
    log.error(
      { canary, retryInMs, ...(known ? { code: error.code, reason: error.message } : { err: error }) },
      "a look failed",
    );
  };
}

export function watchFailed(log: Logger): (resource: string, error: Error, retryInMs: number) => void {
  return (resource, error, retryInMs) => log.warn({ resource, reason: error.message, retryInMs }, "a watch broke off");
}
