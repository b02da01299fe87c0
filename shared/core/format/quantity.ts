/**
 * Kubernetes quantities compared by value: `1Gi` and `1073741824` are one intent, although the API server keeps the text.
 * Source: the serialization format in apimachinery's `resource.Quantity`.
 */
const binary: Record<string, bigint> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const decimalExponent: Record<string, number> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

const longest = 40;

const shape = /^([+-]?)(\d*)(?:\.(\d*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d+))?$/;

/**
 * The value of a quantity in nano-units as a decimal integer text, so that equal values are equal texts.
 * Finer than nano is rounded up, as Kubernetes does. Anything that is no quantity, or longer than any real one, comes back unchanged:
 * a number of a million digits would cost seconds.
 */
export function canonicalQuantity(quantity: string | number): string {
  const text = String(quantity).trim();
  const match = text.length > longest ? null : shape.exec(text);
  return match && (match[2] || match[3]) ? nanoUnits(match) : text;
}

function nanoUnits(match: RegExpExecArray): string {
  const [, sign, whole = "", fraction = "", suffix = "", exponent] = match;
  const scaled = BigInt(`${whole}${fraction}`) * (binary[suffix] ?? 1n);
  const nano = shift(scaled, powerOfTen(suffix, exponent) - fraction.length + 9);
  return `${sign === "-" && nano !== 0n ? "-" : ""}${nano}`;
}

function powerOfTen(suffix: string, exponent: string | undefined): number {
  return exponent === undefined ? (decimalExponent[suffix] ?? 0) : clamp(Number(exponent));
}

function shift(value: bigint, power: number): bigint {
  return power >= 0 ? value * 10n ** BigInt(power) : divideUp(value, 10n ** BigInt(-power));
}

/** An exponent beyond this is no real resource, and 10^(10^9) would never end. */
function clamp(exponent: number): number {
  return Math.max(-100, Math.min(100, exponent));
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
