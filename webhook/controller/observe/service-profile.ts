/** Reads the ServiceProfile of an apex. */
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { profileName, type Profile, type ServiceProfile } from "../../../shared/service-profile.ts";

/** `null` where there is none; undefined where the cluster does not know ServiceProfiles. Throws `CanaryError`. */
export async function readProfile(
  cluster: Cluster,
  { namespace, apex }: { namespace: string; apex: string },
): Promise<Profile> {
  try {
    const at = { namespace, name: profileName({ namespace, apex }) };
    return await cluster.get<ServiceProfile>(resource.serviceProfiles, at);
  } catch (error: unknown) {
    if (hasCode(error, "NoSuchKind")) return undefined;
    if (hasCode(error, "NotFound")) return null;
    throw error;
  }
}
