/** Three digits, with the unit's prefix: 195971 is "196 k". */
export function withPrefix(value: number): string {
  const prefixes = ["", "k", "M", "G", "T"];
  let at = 0;
  let rest = value;
  while (rest >= 999.5 && at < prefixes.length - 1) {
    rest /= 1000;
    at++;
  }
  return `${digits(rest)} ${prefixes[at]}`.trimEnd();
}

/** Three digits at most, none behind the point that say nothing. */
export const digits = (value: number): string =>
  value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${digits(Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${digits(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
