import type { AblationRow } from "./comparison-page.js";

/** What sets a row of a comparison apart from the others, in words: its method, where its name isn't that, and its own settings. */
export const apartIn = ({ name, method, differing }: AblationRow): string =>
  [
    ...(name === method ? [] : [method]),
    ...Object.entries(differing).map(([key, value]) => `${key} ${textOf(value)}`),
  ].join("; ");

function textOf(value: unknown): string {
  if (value === null) return "default";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
