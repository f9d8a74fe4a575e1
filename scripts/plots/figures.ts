import { contenders, PSNR } from "./contenders.js";
import type { Axis, Colour, Plot, PlotPoint, PlotSeries } from "./draw.js";
import { type Measurement, type Row, readMeasurements, type Validation } from "./measurement.js";

/** A picture's name, and what is drawn. */
export interface Figure {
  readonly name: string;
  readonly plot: Plot;
}

const COLOURS: readonly Colour[] = ["blue", "green", "purple", "orange", "red"];

/** All that is drawn, of docs/figures. */
export async function figures(): Promise<Figure[]> {
  const [evaluations, runs] = [await readMeasurements("evaluations"), await readMeasurements("runs")];
  return [
    { name: "parameters", plot: parameters(evaluations, runs) },
    { name: "milliseconds", plot: milliseconds(await readMeasurements("times")) },
    { name: "minutes", plot: minutes(runs) },
    { name: "starts", plot: starts(await readMeasurements("starts")) },
    { name: "published", plot: published(await readMeasurements("published")) },
  ];
}

function parameters(evaluations: readonly Measurement[], runs: readonly Measurement[]): Plot {
  const x: Axis = { name: "parameters", scale: "logarithmic", min: 10_000, max: 2_000_000 };
  const note = noteOn([...evaluations, ...runs]);
  const series = contenders(evaluations, runs, x);
  return { title: "What parameters are worth", note, x, y: PSNR, series, legend: "right" };
}

/** A program's models a series, at the qualities that they have. */
function milliseconds(times: readonly Measurement[]): Plot {
  const rows = times.flatMap((each) => each.rows);
  return {
    title: "What time is worth: EDSR 8×64 ×2 at qualities 1, 0.5 and 0.25",
    note: noteOn(times),
    x: { name: "ms for an image of 256×256 pixels", scale: "logarithmic", min: 50, max: 2000 },
    y: PSNR,
    legend: "left",
    series: [...new Set(rows.map(({ model }) => model))].map((model, i) => ({
      ...{ name: model, colour: colourOf(i), line: "solid" },
      points: rows.flatMap((row): PlotPoint[] => {
        const { width, psnr, msPerImage } = row;
        if (row.model !== model || msPerImage === null) return [];
        return [{ x: msPerImage, y: psnr, label: width === null ? model : String(width), side: "bottom" }];
      }),
    })),
  };
}

const minutes = (runs: readonly Measurement[]): Plot => ({
  title: "What training is worth: EDSR 8×64 ×2 at half its channels",
  note: noteOn(runs),
  x: { name: "minutes of training", scale: "linear" },
  y: VALIDATED,
  legend: "right",
  series: courses(runs, ({ seconds }) => seconds / 60),
});

/** What lies below is left out: the untrained starts would flatten all others. */
const LEAST = 30;

const starts = (runs: readonly Measurement[]): Plot => ({
  title: "What a start is worth: EDSR 8×64 ×2 to half its channels",
  note: `${noteOn(runs)}; from ${LEAST} dB on`,
  x: { name: "steps", scale: "linear" },
  y: { ...VALIDATED, min: LEAST },
  legend: "right",
  series: courses(runs, ({ step }) => step).map(({ points, ...series }) => ({
    ...series,
    points: points.filter(({ y }) => y >= LEAST),
  })),
});

/** The variants of bench/ablation/published.json, and how they are drawn. */
const METHODS: Readonly<Record<string, readonly [name: string, colour: Colour]>> = {
  ours: ["ours", "orange"],
  csd: ["contrastive self-distillation", "purple"],
  joint: ["the same without contrast", "green"],
  scratch: ["trained from scratch", "blue"],
};

const decibels = ({ psnr }: Row): string => psnr.toFixed(2);

/** What methods make of one network at several widths, whose files lie in folders of their names. */
function published(evaluations: readonly Measurement[]): Plot {
  const rows = evaluations.flatMap((each) => each.rows).filter(({ set }) => set === "Set5");
  const x: Axis & { min: number } = { name: "parameters", scale: "logarithmic", min: 50_000, max: 1_500_000 };
  const drawn = (model: (name: string) => boolean, labelOf: (row: Row) => string = () => "") =>
    rows
      .filter((row) => model(row.model))
      .sort((a, b) => (a.parameters ?? 0) - (b.parameters ?? 0))
      .map((row): PlotPoint => ({ x: row.parameters ?? x.min, y: row.psnr, label: labelOf(row), side: "top" }));
  return {
    title: "IMDN ×4 at 0.75, 0.5 and 0.25 of its channels, after 400 steps",
    note: noteOn(evaluations),
    x,
    y: { name: "PSNR on Set5 ×4 (dB)", scale: "linear", min: 24, max: 33 },
    legend: "right",
    series: [
      { name: "IMDN", colour: "text", line: "none", points: drawn((model) => model.startsWith("imdn"), decibels) },
      ...Object.entries(METHODS).map(([method, [name, colour]]): PlotSeries => {
        // The others' labels would lie on one another.
        const points = drawn((model) => model.startsWith(`${method}-w`), method === "ours" ? decibels : undefined);
        return { name, colour, line: "solid", points };
      }),
      { name: "bicubic", colour: "grey", line: "level", points: drawn((model) => model === "bicubic") },
    ],
  };
}

const VALIDATED: Axis = { name: "PSNR on the validation photographs (dB)", scale: "linear" };

/** A run's student over its training, a run a series. */
function courses(runs: readonly Measurement[], xOf: (validation: Validation) => number): PlotSeries[] {
  return runs.map(({ label, validations }, i) => ({
    ...{ name: label, colour: colourOf(i), line: "solid" },
    points: validations.map((one): PlotPoint => {
      const isLast = one === validations.at(-1);
      return { x: xOf(one), y: one.psnr, ...(isLast && { label: one.psnr.toFixed(2), side: "top" }) };
    }),
  }));
}

const colourOf = (index: number): Colour => COLOURS[index % COLOURS.length] ?? "grey";

/** Machines and dates. */
function noteOn(measurements: readonly Measurement[]): string {
  const distinct = (values: readonly string[]) => [...new Set(values)].sort().join(", ");
  return `${distinct(measurements.map(({ machine }) => machine))}; ${distinct(measurements.map(({ date }) => date))}`;
}
