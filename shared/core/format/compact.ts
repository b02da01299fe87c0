/** Fields that are left out where they have no value. */

/** `{ [key]: value }`, or nothing where there is no value: an absent field and `undefined` differ on the wire. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
}
