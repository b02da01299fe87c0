/** One kubeconfig file as kubectl reads it; where client-node reads it otherwise, it is put right here. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import type { User } from "@kubernetes/client-node";
import { ActionOnInvalid } from "@kubernetes/client-node/dist/config_types.js";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { load } from "js-yaml";
import { optional } from "../../shared/core/format/compact.ts";
import { messageOf } from "../../shared/kube/errors.ts";
import { exitCode } from "../context.ts";
import { Refusal } from "../errors.ts";

/** A user with what client-node has no word for: who is impersonated beside `impersonateUser`. */
export interface KubectlUser extends User {
  impersonateGroups?: string[];
  impersonateUid?: string;
  impersonateExtra?: Record<string, string[]>;
}

/** An empty file is an empty kubeconfig, as for kubectl. Throws a usage refusal where it cannot be read. */
export function readKubeconfig(file: string): KubeConfig {
  try {
    const text = readFileSync(file, "utf8");
    return text.trim() === "" ? new KubeConfig() : parsed(text, dirname(resolve(file)));
  } catch (error) {
    const why = existsSync(file) ? messageOf(error).split("\n", 1)[0] : "there is no such file";
    throw new Refusal(`Kubeconfig ${file} cannot be read: ${why}.`, exitCode.usage);
  }
}

// --- internal ---

/** A user's entry as it is written. */
interface Written {
  tokenFile?: string;
  "as-uid"?: string;
  "as-groups"?: string[];
  "as-user-extra"?: Record<string, string[]>;
}

function parsed(text: string, folder: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  // An entry that nobody could use is no reason to refuse the others.
  kubeConfig.loadFromString(text, { onInvalidEntry: ActionOnInvalid.FILTER });
  const { users } = { ...(load(text) as { users?: { name?: string; user?: Written }[] | null }) };
  const written = new Map((users ?? []).map(({ name, user }) => [name, user ?? {}]));
  kubeConfig.clusters = kubeConfig.clusters.map(({ caFile, ...rest }) => ({
    ...rest,
    // What is in the file itself wins over the file that it names.
    ...(caFile && !rest.caData ? { caFile } : {}),
  }));
  kubeConfig.users = kubeConfig.users.map((user) => asKubectl(user, written.get(user.name) ?? {}, folder));
  kubeConfig.makePathsAbsolute(folder);
  return kubeConfig;
}

function asKubectl({ certFile, keyFile, ...user }: User, written: Written, folder: string): KubectlUser {
  const exec = user.exec as { command?: string } | null | undefined;
  // A command with a path in it is meant from where the kubeconfig is; one without is looked for on the PATH.
  if (exec?.command?.includes(sep)) exec.command = resolve(folder, exec.command);
  return {
    ...user,
    ...(user.certData ? {} : optional("certFile", certFile)),
    ...(user.keyData ? {} : optional("keyFile", keyFile)),
    ...(written.tokenFile ? readAgain(resolve(folder, written.tokenFile)) : {}),
    ...optional("impersonateGroups", written["as-groups"]),
    ...optional("impersonateUid", written["as-uid"]),
    ...optional("impersonateExtra", written["as-user-extra"]),
  };
}

/** A token that others renew is read again; it wins over one that is written beside it. */
function readAgain(tokenFile: string): Pick<User, "authProvider" | "token"> {
  return { authProvider: { name: "tokenFile", config: { tokenFile } }, token: undefined } as Pick<User, "authProvider">;
}
