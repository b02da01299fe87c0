/** YAML text of an object. A module of its own, loaded when asked for: few ask, and every start would pay for it. */
import { dump } from "js-yaml";

export function toYaml(value: unknown): string {
  return dump(value, { noRefs: true, lineWidth: -1 });
}
