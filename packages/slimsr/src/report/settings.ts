import { bytes, NONE } from "../text/numbers.js";
import { type Content, type Html, html } from "./html.js";

interface Described {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
}

/** The resolved configuration and the environment, a line per key. */
export function renderSettings({ settings, environment }: Described): Content {
  const lists = [
    ["Configuration", settings],
    ["Environment", environment],
  ] as const;
  return html`<div class="columns">${lists.map(
    ([title, values]) => Object.keys(values).length > 0 && html`<div><h3>${title}</h3>${renderValues(values)}</div>`,
  )}</div>`;
}

const renderValues = (values: object): Html =>
  html`<dl class="settings">${Object.entries(values).map(
    ([key, value]) =>
      html`<dt>${key}</dt><dd>${key === "memory" && typeof value === "number" ? bytes(value) : renderValue(value)}</dd>`,
  )}</dl>`;

function renderValue(value: unknown): Content {
  if (value === null || value === undefined) return NONE;
  if (Array.isArray(value)) return value.map((each, i) => [i > 0 && ", ", renderValue(each)]);
  return typeof value === "object" ? renderValues(value) : String(value);
}
