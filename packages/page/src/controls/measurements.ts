import type { Measurement } from "../messages/calls.js";
import type { State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { engineText } from "./choices.js";
import { element } from "./elements.js";
import { digits, duration, withPrefix } from "./numbers.js";

const COLUMNS = [
  "Quality",
  "Numbers",
  "Runs on",
  "Time",
  "Megapixels/s",
  "Speed-up",
  "Parameters",
  "MACs for 1280×720",
];

/** The table of all qualities on this device, measured at a press. */
export function measurementDialog(store: Store<State>, actions: { start(): void; stop(): void }): void {
  const dialog = element("measurements", HTMLDialogElement);
  const body = element("measurement-rows", HTMLTableSectionElement);
  const start = element("measure-start", HTMLButtonElement);
  const copy = element("measure-copy", HTMLButtonElement);
  const status = element("measure-status", HTMLElement);

  element("measure", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
  element("measure-close", HTMLButtonElement).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => actions.stop());
  start.addEventListener("click", () => actions.start());
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(markdown(store.state));
    status.textContent = "Copied";
  });

  store.follow((state, before) => {
    const isMeasuring = state.work.kind === "measuring";
    start.disabled = isMeasuring || !state.image;
    copy.disabled = isMeasuring || state.measurements.length === 0;
    if (before?.work.kind !== state.work.kind) status.textContent = isMeasuring ? "Measuring" : "";
    if (state.message?.kind === "error") status.textContent = state.message.text;
    if (before?.measurements === state.measurements) return;
    body.replaceChildren(...state.measurements.map((row) => tableRow(cellsOf(row, state.measurements))));
  });
}

function cellsOf(row: Measurement, all: readonly Measurement[]): string[] {
  const { quality, precision, device, milliseconds, rate, cost } = row;
  const isNetwork = quality !== undefined;
  return [
    isNetwork ? String(quality) : "bicubic",
    isNetwork ? precision : "–",
    device === "webgpu" ? "WebGPU" : isNetwork ? "WebAssembly" : "JavaScript",
    duration(milliseconds),
    digits(rate),
    isNetwork ? `×${digits((all[0] as Measurement).milliseconds / milliseconds)}` : "–",
    cost ? withPrefix(cost.parameters) : "–",
    cost ? withPrefix(cost.macs) : "–",
  ];
}

function tableRow(cells: readonly string[]): HTMLTableRowElement {
  const row = document.createElement("tr");
  row.append(
    ...cells.map((text, i) => {
      const cell = document.createElement(i === 0 ? "th" : "td");
      if (i === 0) cell.setAttribute("scope", "row");
      cell.textContent = text;
      return cell;
    }),
  );
  return row;
}

/** The table as text, with what it was measured on. */
export function markdown({ measurements, model, engine }: Pick<State, "measurements" | "model" | "engine">): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `${model.name}, 256×256 pixels in; ${engine ? engineText(engine) : ""}`,
    navigator.userAgent,
    "",
    line(COLUMNS),
    line(COLUMNS.map(() => "---")),
    ...measurements.map((row) => line(cellsOf(row, measurements))),
    "",
  ].join("\n");
}
