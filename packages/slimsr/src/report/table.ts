import { bytes, decimals, milliseconds, percent, scaled, shown, signed, whole } from "../text/numbers.js";
import { type Content, type Html, html } from "./html.js";
import type { ReportRow } from "./run-page.js";

/** The rows of one set at one scale, and the teacher's before training among them. */
export interface Group {
  readonly title: string;
  readonly rows: readonly ReportRow[];
  readonly teacher: ReportRow | undefined;
}

/** Rows by set and scale, in the order in which these come up. */
export function groupRows(rows: readonly ReportRow[]): Group[] {
  const groups = new Map<string, ReportRow[]>();
  for (const row of rows) {
    const title = `${row.set} ×${row.scale}`;
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return [...groups].map(([title, rows]) => ({
    title,
    rows,
    teacher: rows.find(({ role }) => role === "teacher-before"),
  }));
}

/** PSNR against the teacher's before training; null for itself and where either is missing. */
export const deltaPsnr = (row: ReportRow, { teacher }: Group): number | null =>
  teacher && row !== teacher && row.psnr !== null && teacher.psnr !== null ? row.psnr - teacher.psnr : null;

const COLUMNS: readonly { title: string; hint: string; cell: (row: ReportRow, group: Group) => string }[] = [
  { title: "PSNR", hint: "dB, on Y", cell: ({ psnr }) => shown(psnr, decimals(3)) },
  { title: "Δ PSNR", hint: "dB, to teacher", cell: (row, group) => shown(deltaPsnr(row, group), signed(3)) },
  { title: "SSIM", hint: "on Y", cell: ({ ssim }) => shown(ssim, decimals(4)) },
  { title: "Parameters", hint: "", cell: ({ parameters }) => shown(parameters, whole) },
  { title: "MACs", hint: "for 1280×720", cell: ({ macs }) => shown(macs, scaled) },
  { title: "Latency", hint: "an image", cell: ({ latencyMs }) => shown(latencyMs, milliseconds) },
  { title: "Speed-up", hint: "", cell: ({ speedUp }) => shown(speedUp, (factor) => `×${decimals(2)(factor)}`) },
  { title: "Model size", hint: "", cell: ({ modelBytes }) => shown(modelBytes, bytes) },
];

/** Every figure of every model, set by set. */
export function renderTable(rows: readonly ReportRow[]): Content {
  if (rows.length === 0) return null;
  const head = COLUMNS.map(
    ({ title, hint }) => html`<th scope="col">${title}${hint !== "" && html`<small>${hint}</small>`}</th>`,
  );
  const bodies = groupRows(rows).map(
    (group) => html`<tbody>
<tr class="group"><th scope="rowgroup" colspan="${COLUMNS.length + 1}"><span class="group-name">${group.title}</span></th></tr>
${group.rows.map(
  (row) =>
    html`<tr class="${row.role}"><th scope="row"><span class="name">${row.label}</span></th>${COLUMNS.map(
      ({ cell }) => html`<td>${cell(row, group)}</td>`,
    )}</tr>`,
)}
</tbody>`,
  );
  return scrollable("Results", html`<table><thead><tr><th scope="col">Model</th>${head}</tr></thead>${bodies}</table>`);
}

/** A table that may be wider than the page. */
export const scrollable = (label: string, table: Html): Html =>
  html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`;

/** Each student's figures on the first set, large. */
export function renderHighlights(rows: readonly ReportRow[]): Content {
  const group = groupRows(rows)[0];
  const students = group?.rows.filter(({ role }) => role === "student") ?? [];
  if (!group || students.length === 0) return null;
  return html`<div class="cards">${students.map((student) => {
    const { teacher } = group;
    const smaller =
      teacher?.parameters && student.parameters !== null && percent(student.parameters / teacher.parameters);
    const delta = deltaPsnr(student, group);
    return html`<div class="card"><h3>${student.label}</h3>
<p class="figure">${shown(student.psnr, decimals(2))}<small> dB on ${group.title}</small></p>
<ul>
${delta !== null && html`<li>${signed(2)(delta)} dB against the teacher</li>`}
${smaller && html`<li>${smaller} of its parameters</li>`}
${student.speedUp !== null && html`<li>${decimals(2)(student.speedUp)} times as fast</li>`}
</ul></div>`;
  })}</div>`;
}
