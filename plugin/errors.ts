/** Anything caught, as the one sentence a person gets and the code that the process exits with. */
import { type CanaryError, hasCode, messageOf } from "../shared/kube/errors.ts";
import { kind } from "../shared/core/objects/names.ts";
import { exitCode } from "./context.ts";

/** A failure whose sentence and exit code the command chose itself. */
export class Refusal extends Error {
  readonly code: number;

  constructor(message: string, code: number = exitCode.error) {
    super(message);
    this.code = code;
  }
}

export interface Fault {
  message: string;
  code: number;
}

export function faultOf(error: unknown): Fault {
  if (error instanceof Refusal) return { message: error.message, code: error.code };
  if (hasCode(error, "NotFound")) return { message: error.message, code: exitCode.notFound };
  if (hasCode(error, "Usage")) return { message: error.message, code: exitCode.usage };
  if (hasCode(error, "NoSuchKind")) return { message: noCanaries(error), code: exitCode.error };
  return { message: messageOf(error), code: exitCode.error };
}

/**
 * `needs permission to patch canaries.flagger.app in namespace test`; a refusal for another cause, as by an admission policy, in
 * its own words; undefined for what is no refusal.
 */
export function missingPermission(error: unknown): string | undefined {
  if (!hasCode(error, "Forbidden")) return undefined;
  if (!error.permission) return error.message;
  const { verb, resource, group, namespace } = error.permission;
  const where = namespace ? `in namespace ${namespace}` : "in the whole cluster";
  return `needs permission to ${verb} ${resource}${group ? `.${group}` : ""} ${where}`;
}

function noCanaries(error: CanaryError): string {
  if (error.access?.group !== kind.canary.group) return error.message;
  return "This cluster does not know Canaries (CRD canaries.flagger.app is missing). Install kubectl-canary's chart, or choose another cluster with --context.";
}
