/** Numbers and durations as Go prints them, because Flagger's event texts hold them and people's tools search for those. */

/** `%v` of a float64: 99, 99.5, 1e+06. */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  // Go's shortest form turns to an exponent from 1e6 on, and below 1e-4.
  if (value === 0 || (exponent >= -4 && exponent < 6)) return plain(value);
  const size = Math.abs(exponent).toString().padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** Milliseconds as a Go Duration, to the microsecond: 500ms, 1.2s, 1m30s, 1h0m0s, 700µs. */
export function goDuration(ms: number): string {
  const micros = Math.round(Math.abs(ms) * 1000);
  const sign = ms < 0 && micros > 0 ? "-" : "";
  if (micros === 0) return "0s";
  if (micros < 1000) return `${sign}${micros}µs`;
  if (micros < 1_000_000) return `${sign}${plain(micros / 1000)}ms`;
  const minutes = Math.floor(micros / 60_000_000);
  const seconds = `${plain((micros - minutes * 60_000_000) / 1_000_000)}s`;
  if (minutes === 0) return sign + seconds;
  if (minutes < 60) return `${sign}${minutes}m${seconds}`;
  return `${sign}${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

function plain(value: number): string {
  return value === 0 ? "0" : value.toString();
}
