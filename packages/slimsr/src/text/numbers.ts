/** Figures as people read them. */

/** What stands for a figure that there isn't. */
export const NONE = "–";

/** The figure as text, or a dash for null and what is not finite. */
export const shown = (value: number | null, show: (value: number) => string): string =>
  value !== null && Number.isFinite(value) ? show(value) : NONE;

export const decimals =
  (count: number) =>
  (value: number): string =>
    value.toFixed(count).replace(/^-/, "−");

/** "+0.12", "−0.30"; "0.00" has no sign. */
export const signed =
  (count: number) =>
  (value: number): string => {
    const text = decimals(count)(value);
    if (Number(value.toFixed(count)) === 0) return text.replace("−", "");
    return value > 0 ? `+${text}` : text;
  };

export const whole = (value: number): string => Math.round(value).toLocaleString("en");

/** "25.2 %". */
export const percent = (share: number): string => `${decimals(1)(share * 100)} %`;

/** Multiply-accumulates in billions or millions: "180.4 G", "0.5 M". */
export const operations = (count: number): string =>
  count >= 1e9 ? `${(count / 1e9).toFixed(1)} G` : `${(count / 1e6).toFixed(1)} M`;

/** "180.4 G". */
export const scaled = (value: number): string => withUnit(value, 1000, ["", "k", "M", "G", "T", "P", "E"]);

/** "767.6 KiB". */
export const bytes = (value: number): string => withUnit(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);

function withUnit(value: number, base: number, units: readonly string[]): string {
  const power = Math.min(Math.max(Math.floor(Math.log(Math.abs(value) || 1) / Math.log(base)), 0), units.length - 1);
  return `${decimals(power === 0 ? 0 : 1)(value / base ** power)} ${units[power]}`.trim();
}

export const milliseconds = (value: number): string => `${value < 100 ? decimals(1)(value) : whole(value)} ms`;

/** "12.5 s", "3 min 20 s", "2 h 5 min". */
export const duration = (seconds: number): string => {
  if (seconds < 60) return `${decimals(1)(seconds)} s`;
  const clock = clockOf(seconds);
  return clock.hours > 0 ? `${whole(clock.hours)} h ${clock.minutes} min` : `${clock.minutes} min ${clock.seconds} s`;
};

/** "1h 02m", "3m 20s", "12s": of little width that seldom changes, for live lines. */
export const shortDuration = (seconds: number): string => {
  const clock = clockOf(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (clock.hours > 0) return `${clock.hours}h ${two(clock.minutes)}m`;
  return clock.minutes > 0 ? `${clock.minutes}m ${two(clock.seconds)}s` : `${clock.seconds}s`;
};

/** To the nearest second. */
function clockOf(seconds: number): { hours: number; minutes: number; seconds: number } {
  const total = Math.round(seconds);
  return { hours: Math.floor(total / 3600), minutes: Math.floor(total / 60) % 60, seconds: total % 60 };
}

/** A number on an axis, short: "0.02", "1e−4", "200k". */
export const axisNumber = (value: number): string => {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace(".0e", "e").replaceAll("-", "−");
  if (size >= 1e4) return scaled(value).replace(" ", "").replace(".0", "");
  return String(Number(value.toPrecision(6))).replace("-", "−");
};

/** To four digits: "33.20", "0.4072"; as on an axis where that is too long. */
export const digits = (value: number): string => {
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? value.toPrecision(4).replace("-", "−") : axisNumber(value);
};
