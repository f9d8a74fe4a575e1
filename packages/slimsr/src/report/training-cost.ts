import { bytes, decimals, duration, percent, scaled, shown } from "../text/numbers.js";
import { type Content, html } from "./html.js";
import type { RunCost } from "./run-page.js";

/** What the run took, a card per figure; figures that weren't measured say so. */
export function renderCost({ seconds, stepsPerSecond, flops, joules, peakMemoryBytes, vggShare }: RunCost): Content {
  const figures: readonly [name: string, value: string, hint?: string | false][] = [
    ["Time", shown(seconds, duration)],
    ["Steps a second", shown(stepsPerSecond, decimals(2))],
    ["Operations", shown(flops, (value) => `${scaled(value)}FLOP`)],
    ["VGG's share of them", shown(vggShare, percent)],
    ["Peak memory", shown(peakMemoryBytes, bytes)],
    [
      "Energy",
      shown(joules, (value) => `${scaled(value)}J`),
      joules === null ? "not readable on this machine" : `${decimals(1)(joules / 3600)} Wh`,
    ],
  ];
  return html`<dl class="figures">${figures.map(
    ([name, value, hint]) =>
      html`<div class="card"><dt>${name}</dt><dd class="figure">${value}</dd>${hint && html`<dd class="muted">${hint}</dd>`}</div>`,
  )}</dl>`;
}
