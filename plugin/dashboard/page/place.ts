/** What the address after `#` names. Pure. */

export interface CanaryPlace {
  namespace: string;
  name: string;
}

/** `#/namespace/name`; undefined for the overview. */
export function placeIn(hash: string): CanaryPlace | undefined {
  const [, namespace, name] = /^#\/([^/]+)\/([^/]+)$/.exec(hash) ?? [];
  return namespace !== undefined && name !== undefined ? { namespace, name } : undefined;
}
