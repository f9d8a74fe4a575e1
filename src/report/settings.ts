import { type Content, html } from "./html.js";

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
    ([title, values]) =>
      Object.keys(values).length > 0 &&
      html`<div><h3>${title}</h3><dl class="settings">${Object.entries(values).map(
        ([key, value]) => html`<dt>${key}</dt><dd>${valueText(value)}</dd>`,
      )}</dl></div>`,
  )}</div>`;
}

function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  return JSON.stringify(value) ?? String(value);
}
