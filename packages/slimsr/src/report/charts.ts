import { decimals, digits, scaled } from "../text/numbers.js";
import { type Content, type Html, html } from "./html.js";
import type { Curve, ModelRole, ReportRow, Series } from "./run-page.js";
import { lineChart, type Marker, PALETTE_SIZE, scatterChart } from "./svg.js";
import { type Group, groupRows } from "./table.js";

interface Charted {
  readonly table: readonly ReportRow[];
  readonly curves: readonly Curve[];
}

/** PSNR by what a model costs, for each set, and curves over training. */
export const renderCharts = ({ table, curves }: Charted): Content =>
  charts([...groupRows(table).flatMap(tradesIn), ...curves.flatMap(renderCurve)]);

/** What models trade on a set: PSNR for bytes, and for time. */
export interface Trades {
  readonly title: string;
  readonly points: readonly Traded[];
}

export type Traded = Pick<ReportRow, "label" | "psnr" | "latencyMs" | "modelBytes"> & { readonly colour: number };

/** PSNR by bytes and by time, for each set, and curves over training. */
export const renderTradesAndCurves = (sets: readonly Trades[], curves: readonly Curve[]): Content =>
  charts([
    ...sets.flatMap(({ title, points }) => trades(title, points, [FILE_SIZE, LATENCY])),
    ...curves.flatMap(renderCurve),
  ]);

const charts = (figures: readonly Html[]): Content => figures.length > 0 && html`<div class="charts">${figures}</div>`;

const COLOURS: Readonly<Record<ModelRole, number>> = {
  "teacher-before": 0,
  student: 1,
  "teacher-after": 2,
  bicubic: 3,
  tutor: 4,
};

interface Cost<Row> {
  readonly name: string;
  readonly axis: string;
  readonly of: (row: Row) => number | null;
}

const PARAMETERS: Cost<ReportRow> = { name: "parameters", axis: "parameters", of: ({ parameters }) => parameters };
const LATENCY: Cost<Traded> = { name: "latency", axis: "ms an image", of: ({ latencyMs }) => latencyMs };
const FILE_SIZE: Cost<Traded> = { name: "file size", axis: "bytes", of: ({ modelBytes }) => modelBytes };

/** Of integers there are as many parameters as of floats: their files are smaller. */
const tradesIn = ({ title, rows }: Group): Html[] =>
  trades(
    title,
    rows.map((row) => ({ ...row, colour: COLOURS[row.role] })),
    [PARAMETERS, ...(rows.some(({ bits }) => bits !== undefined) ? [FILE_SIZE] : []), LATENCY],
  );

/** Charts of one set; models without the figure, as bicubic, have no place in them. */
function trades<Row extends Traded>(title: string, rows: readonly Row[], costs: readonly Cost<Row>[]): Html[] {
  return costs.flatMap(({ name, axis, of }) => {
    const markers = rows.flatMap((row): Marker[] => {
      const [cost, { label, psnr, colour }] = [of(row), row];
      return cost === null || psnr === null || !Number.isFinite(psnr) ? [] : [{ label, point: [cost, psnr], colour }];
    });
    if (markers.length === 0) return [];
    const caption = `${title}: PSNR (dB) by ${name}`;
    const values = markers.map(({ label, point: [x, y] }) => `${label}: ${decimals(2)(y)} dB at ${scaled(x)}`);
    return [chart(caption, values.join("; "), scatterChart(markers, axis), null)];
  });
}

function renderCurve({ title, series }: Curve): Html[] {
  const drawn = series.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  if (drawn.length === 0) return [];
  const legend = html`<ul class="legend">${drawn.map(
    (one, i) =>
      html`<li><span class="swatch series-${(i % PALETTE_SIZE) + 1}" aria-hidden="true"></span>${one.name} <span class="muted">${last(one)}</span></li>`,
  )}</ul>`;
  const values = drawn.map((one) => `${one.name} ends at ${last(one)}`).join("; ");
  const lines = drawn.map(({ points }) => points);
  return [chart(title, values, lineChart(lines, "step"), legend)];
}

/** The last finite value. */
const last = ({ points }: Series): string => digits(points.findLast(([, value]) => Number.isFinite(value))?.[1] ?? 0);

const chart = (title: string, described: string, drawing: Html, legend: Content): Html =>
  html`<figure class="chart"><figcaption>${title}</figcaption>
<div role="img" aria-label="${title}. ${described}">${drawing}</div>${legend}</figure>`;
