/** Whether a header or a query parameter can have this name, as the Gateway API wants it. */
export function isFieldName(name: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name);
}
