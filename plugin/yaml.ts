/** YAML text of an object. A module of its own, loaded when asked for: few ask, and every start would pay for it. */
import { dumpYaml } from "@kubernetes/client-node/dist/yaml.js";

export function toYaml(value: unknown): string {
  return dumpYaml(value, { noRefs: true, lineWidth: -1 });
}
