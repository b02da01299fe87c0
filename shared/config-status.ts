/** What is known of tracked configuration, in a Canary's status. Flagger's `trackedConfigs` without our key is another's. */
import type { CanaryStatus } from "./core/objects/canary-status.ts";
import type { CanaryState } from "./core/state.ts";

export function parseConfigs({ trackedConfigs, configs }: CanaryStatus): Pick<CanaryState, "configs"> {
  return configs?.key ? { configs: { ...configs, tracked: { ...trackedConfigs } } } : {};
}

export function printConfigs({ configs }: CanaryState): Pick<CanaryStatus, "trackedConfigs" | "configs"> {
  if (!configs) return {};
  const { tracked, ...known } = configs;
  return { trackedConfigs: tracked, configs: known };
}
