/** Reads that tell "not there" from "may not be read": the first is null, the second undefined and remembered. */
import type { Cluster, Place, Selection } from "../../../shared/kube/cluster.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { groupResource, type Resource } from "../../../shared/kube/resources.ts";
import { missingPermission } from "../../errors.ts";

export interface Reader {
  get<T>(r: Resource, at: Place): Promise<T | null | undefined>;
  /** Null where the API server does not serve the kind. */
  list<T>(r: Resource, q?: Selection): Promise<T[] | null | undefined>;
  /** Sentences about what could not be read, each once. */
  unread: Set<string>;
}

export function readerOf(cluster: Cluster): Reader {
  const unread = new Set<string>();
  const told = async <T>(what: string, ask: () => Promise<T>): Promise<T | null | undefined> => {
    try {
      return await ask();
    } catch (error) {
      if (hasCode(error, "NotFound", "NoSuchKind")) return null;
      const permission = missingPermission(error);
      if (permission === undefined) throw error;
      unread.add(`${what} ${permission}.`);
      return undefined;
    }
  };
  return {
    get: <T>(r: Resource, at: Place) => told<T>(`To look at ${r.kind} ${at.name} this`, () => cluster.get<T>(r, at)),
    list: <T>(r: Resource, q?: Selection) =>
      told<T[]>(`To look at ${groupResource(r)} this`, async () => (await cluster.list<T>(r, q)).items),
    unread,
  };
}
