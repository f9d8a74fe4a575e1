import { decimals, NONE, percent, shown, signed, whole } from "../text/numbers.js";
import { renderTradesAndCurves, type Trades } from "./charts.js";
import { apartIn } from "./differing-settings.js";
import { type Content, type Html, html } from "./html.js";
import { type Heading, renderPage } from "./page.js";
import type { Curve, Series } from "./run-page.js";
import { renderSettings } from "./settings.js";
import { PALETTE_SIZE } from "./svg.js";
import { scrollable } from "./table.js";

/** A comparison of methods from one teacher. Texts may hold anything: they are escaped. */
export interface AblationReport extends Heading {
  /** What the methods are compared with: bicubic, the teacher. */
  readonly references: readonly AblationReference[];
  readonly rows: readonly AblationRow[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
}

export interface AblationReference {
  readonly label: string;
  readonly scores: readonly AblationScore[];
  readonly file?: AblationFile;
}

/** What a network is deployed as: in integers where it was trained with their roundings. */
export interface AblationFile {
  readonly bytes: number;
  /** Of weights that are integers. */
  readonly bits?: number;
}

/** A method, or a variant of one, at one width, over its seeds. */
export interface AblationRow {
  readonly name: string;
  readonly method: string;
  /** What its students learn from, in words. */
  readonly objective: string;
  /** Settings in which it isn't as most rows are. */
  readonly differing: Readonly<Record<string, unknown>>;
  readonly width: number;
  readonly steps: number;
  /** How many runs the means are of. */
  readonly seeds: number;
  /** Those runs, by their folders beside the comparison. */
  readonly runs: readonly { readonly seed: number; readonly folder: string }[];
  readonly scores: readonly AblationScore[];
  /** PSNR of the student on the validation images: before training, of the best checkpoint, and over training, in dB. */
  readonly validation: {
    readonly start: Spread | null;
    readonly best: Spread | null;
    readonly curve: Series["points"];
  };
  readonly secondsPerStep: number | null;
  /** How the teacher's PSNR moved, in dB, mean over sets and seeds; null where it is frozen. */
  readonly teacherDrift: number | null;
  readonly file?: AblationFile;
}

export interface AblationScore {
  readonly set: string;
  readonly scale: number;
  readonly psnr: Spread | null;
  readonly ssim: Spread | null;
  /** That its file takes for an image. */
  readonly milliseconds?: number;
}

export interface Spread {
  readonly mean: number;
  /** Standard deviation over seeds; null of a single one. */
  readonly spread: number | null;
}

/** The comparison as a page, methods as rows and sets as columns, as in table 1 of CSD's paper. */
export function renderAblation(report: AblationReport): string {
  return renderPage(report, [
    { id: "comparison", title: "Comparison", content: renderComparison(report) },
    { id: "curves", title: "Curves", content: renderTradesAndCurves(tradesOf(report), curvesOf(report.rows)) },
    { id: "settings", title: "Settings", content: renderSettings(report) },
  ]);
}

/** On each set, of all that have files. */
function tradesOf({ references, rows }: AblationReport): Trades[] {
  const models = [
    ...references.map(({ label, scores, file }) => ({ label, scores, file, colour: 0 })),
    ...rows.map(({ name, width, scores, file }) => ({
      label: `${name} ${width}`,
      scores,
      file,
      colour: file?.bits === undefined ? 1 : 2,
    })),
  ];
  const sets = [...new Set(models.flatMap(({ scores }) => scores.map(nameOf)))];
  return sets.map((title) => ({
    title,
    points: models.flatMap(({ label, scores, file, colour }) => {
      const score = scores.find((each) => nameOf(each) === title);
      if (!score?.psnr || !file) return [];
      return [{ label, colour, psnr: score.psnr.mean, latencyMs: score.milliseconds ?? null, modelBytes: file.bytes }];
    }),
  }));
}

/** Validation PSNR over training, a chart for each width and as many rows as there are colours. */
function curvesOf(rows: readonly AblationRow[]): Curve[] {
  return widthsOf(rows).flatMap((width) => {
    const own = rows.filter((row) => row.width === width);
    return Array.from({ length: Math.ceil(own.length / PALETTE_SIZE) }, (_, i) => ({
      title: `Validation PSNR (dB), width ${width}`,
      series: own
        .slice(i * PALETTE_SIZE, (i + 1) * PALETTE_SIZE)
        .map(({ name, validation }) => ({ name, points: validation.curve })),
    }));
  });
}

const widthsOf = (rows: readonly AblationRow[]): number[] =>
  [...new Set(rows.map(({ width }) => width))].sort((a, b) => b - a);

function renderComparison({ references, rows }: AblationReport): Content {
  if (rows.length === 0) return null;
  const scores = [...references, ...rows].flatMap((row) => row.scores);
  const sets = [...new Set(scores.map(nameOf))];
  const columns = 7 + 2 * sets.length;
  const cells = (row: { scores: readonly AblationScore[] }, best?: ReadonlyMap<string, number>) =>
    sets.map((set) => {
      const score = row.scores.find((each) => nameOf(each) === set);
      const isBest = score?.psnr && score.psnr.mean === best?.get(set);
      return html`<td${isBest && html` class="best"`}>${spread(score?.psnr, 2)}</td><td>${spread(score?.ssim, 4)}</td>`;
    });
  const group = (title: string) =>
    html`<tr class="group"><th scope="rowgroup" colspan="${columns}"><span class="group-name">${title}</span></th></tr>`;
  return scrollable(
    "Comparison",
    html`<table>
<thead>
<tr><th scope="col" rowspan="2">Method</th><th scope="col" rowspan="2">Steps</th><th scope="col" rowspan="2">Seeds</th>
${sets.map((set) => html`<th scope="colgroup" colspan="2">${set}</th>`)}
<th scope="colgroup" colspan="2">Validation</th>
<th scope="col" rowspan="2">Seconds<small>a step</small></th><th scope="col" rowspan="2">Teacher<small>dB it moved</small></th></tr>
<tr>${sets.map(() => html`<th scope="col">PSNR</th><th scope="col">SSIM</th>`)}<th scope="col">Start</th><th scope="col">Best</th></tr>
</thead>
${
  references.length > 0 &&
  html`<tbody>${group("For comparison")}${references.map(
    (row) =>
      html`<tr><th scope="row"><span class="name">${row.label}</span></th><td>${NONE}</td><td>${NONE}</td>${cells(row)}<td>${NONE}</td><td>${NONE}</td><td>${NONE}</td><td>${NONE}</td></tr>`,
  )}</tbody>`
}
${widthsOf(rows).map((width) => {
  const own = rows.filter((row) => row.width === width);
  const best = own.length > 1 ? bestOf(own) : undefined;
  return html`<tbody>${group(`Width ${width} (${percent(width)} of the channels)`)}${own.map(
    (
      row,
    ) => html`<tr><th scope="row"><span class="name">${row.name}</span><small class="made">${row.objective}${apartIn(row) && html`<br>${apartIn(row)}`}</small></th><td>${whole(row.steps)}</td><td>${row.seeds}${links(row)}</td>${cells(row, best)}
<td>${spread(row.validation.start, 2)}</td><td>${spread(row.validation.best, 2)}</td>
<td>${shown(row.secondsPerStep, decimals(3))}</td><td>${shown(row.teacherDrift, signed(2))}</td></tr>`,
  )}</tbody>`;
})}
</table>`,
  );
}

/** To each run's own report. */
const links = ({ runs }: AblationRow): Html =>
  html`<br><small>${runs.map(
    ({ seed, folder }, i) =>
      html`${i > 0 && " "}<a href="${encodeURIComponent(folder)}/report.html" aria-label="run of seed ${seed}, ${folder}">${`s${seed}`}</a>`,
  )}</small>`;

const nameOf = ({ set, scale }: AblationScore): string => `${set} ×${scale}`;

/** The highest mean PSNR on each set. */
function bestOf(rows: readonly AblationRow[]): Map<string, number> {
  const best = new Map<string, number>();
  for (const score of rows.flatMap((row) => row.scores)) {
    const name = nameOf(score);
    if (score.psnr) best.set(name, Math.max(best.get(name) ?? score.psnr.mean, score.psnr.mean));
  }
  return best;
}

const spread = (value: Spread | null | undefined, digits: number): Content => {
  if (!value) return NONE;
  const mean = shown(value.mean, decimals(digits));
  return value.spread === null ? mean : html`${mean} <small>± ${shown(value.spread, decimals(digits))}</small>`;
};
