import { jsonValue } from "../files/json.js";
import { bytes as fileSize, operations } from "../text/numbers.js";
import { type Column, renderTable, type TableFormat } from "../text/table.js";
import type { EvaluationRow, ImageRow } from "./evaluate.js";
import { isBenchmark, showMetric } from "./metric.js";
import type { Score } from "./score.js";

interface ReportOptions {
  /** Whether each image is listed. */
  readonly images?: boolean;
}

/** A row of the table: a set's mean, or one of its images. */
interface Line extends Score {
  readonly row: EvaluationRow;
  readonly image: string | null;
  readonly milliseconds: number | null;
}

/** Rows as a table, one line for each set and model. */
export function renderEvaluation(
  rows: readonly EvaluationRow[],
  format: TableFormat,
  { images = false }: ReportOptions = {},
): string {
  const lines = rows.flatMap((row): Line[] => [
    ...(images ? row.images.map((image) => ({ row, ...image })) : []),
    { ...row, row, image: null, milliseconds: row.msPerImage },
  ]);
  const columns: Column<Line>[] = [
    { title: "set", value: ({ row }) => row.set },
    ...(images ? [{ title: "image", value: ({ image }: Line) => image ?? "mean" }] : []),
    { title: "model", value: ({ row }) => row.model },
    { title: "width", value: ({ row }) => row.width },
    { title: "scale", value: ({ row }) => row.scale, show: (scale) => `×${scale}` },
    { title: psnrTitle(rows), value: ({ psnr }) => psnr, show: decimals(3) },
    { title: "SSIM", value: ({ ssim }) => ssim, show: decimals(4) },
    ...(lines.some(({ niqe }) => niqe !== undefined)
      ? [{ title: "NIQE", value: ({ niqe }: Line) => niqe ?? null, show: decimals(3) }]
      : []),
    { title: "parameters", value: ({ row }) => row.parameters, show: (count) => count.toLocaleString("en") },
    { title: "MACs", value: ({ row }) => row.macs, show: operations },
    ...(rows.some(isQuantised)
      ? [
          { title: "bits", value: ({ row }: Line) => row.bits ?? (row.bytes === undefined ? null : FLOAT_BITS) },
          { title: "file", value: ({ row }: Line) => row.bytes ?? null, show: fileSize },
        ]
      : []),
    { title: images ? "ms" : "ms/image", value: ({ milliseconds }) => milliseconds, show: decimals(1) },
    {
      title: "speed-up",
      value: ({ row, image }) => (image === null ? speedUp(row, rows) : null),
      show: (factor) => `×${factor.toFixed(2)}`,
    },
  ];
  return renderTable(columns, lines, format);
}

const isQuantised = ({ bits }: EvaluationRow): boolean => bits !== undefined;

/** Of weights that aren't integers. */
const FLOAT_BITS = 32;

/** "PSNR" by the benchmarks' convention; another is named, or several are. */
function psnrTitle(rows: readonly EvaluationRow[]): string {
  if (rows.every(({ metric, scale }) => isBenchmark(metric, scale))) return "PSNR";
  return [...new Set(rows.map(({ metric }) => showMetric(metric)))].join(" / ");
}

/** Rows as JSON values; a PSNR of Infinity is a text. */
export const evaluationJson = (rows: readonly EvaluationRow[], options: ReportOptions = {}): unknown[] =>
  jsonValue(evaluationRecords(rows, options)) as unknown[];

/** What is kept of rows. */
export function evaluationRecords(rows: readonly EvaluationRow[], { images = false }: ReportOptions = {}) {
  return rows.map((row) => {
    const { model, width, set, scale, metric, parameters, macs, msPerImage, deviations, bits, bytes } = row;
    const notes = notesOn(row, rows);
    return {
      ...{ model, width, set, scale, metric: showMetric(metric), ...scoreOf(row), parameters, macs, msPerImage },
      ...(bits !== undefined && { bits, bytes }),
      ...(Object.keys(deviations).length > 0 && { deviations }),
      ...(notes.length > 0 && { notes }),
      ...(images && {
        images: row.images.map((image: ImageRow) => ({
          ...{ image: image.image, ...scoreOf(image), milliseconds: image.milliseconds },
        })),
      }),
    };
  });
}

const scoreOf = ({ psnr, ssim, niqe }: Score): Score => ({ psnr, ssim, ...(niqe !== undefined && { niqe }) });

/**
 * How many times faster a model is than at width 1, on the same set in the same run; a model that has one width alone, or no width
 * 1, is compared with the first that has width 1.
 */
export function speedUp(row: EvaluationRow, rows: readonly EvaluationRow[]): number | null {
  const beside = rows.filter(({ set, msPerImage }) => set === row.set && msPerImage !== null);
  const own = beside.filter(({ model }) => model === row.model);
  const full = (list: typeof beside) => list.find(({ width }) => width === 1);
  const reference = (own.length > 1 ? full(own) : undefined) ?? full(beside);
  return reference?.msPerImage && row.msPerImage ? reference.msPerImage / row.msPerImage : null;
}

/** What a reader of the figures must know, in whole sentences. */
export const evaluationNotes = (rows: readonly EvaluationRow[]): string[] => rows.flatMap((row) => notesOn(row, rows));

function notesOn(row: EvaluationRow, rows: readonly EvaluationRow[]): string[] {
  const { model, set, images, deviations, niqe, psnr } = row;
  const { tiled, padded } = deviations;
  const without = niqe === undefined ? 0 : images.filter((image) => image.niqe === null).length;
  const of = (count: number) => `${model} on ${set}: ${count} of ${images.length} images`;
  const baseline = rows.find((each) => each.set === set && each.width === null);
  return [
    ...(baseline && psnr < baseline.psnr
      ? [
          `${model} on ${set}: ${psnr.toFixed(2)} dB is below ${baseline.model === "input" ? "the input" : baseline.model}'s ${baseline.psnr.toFixed(2)}. ` +
            (row.width === 1
              ? `A wrong --range (1 or 255), options other than it was trained with, or training for another ${baseline.model === "input" ? "degradation" : "reduction"} or for looks are likely`
              : "A student so narrow needs more training, or its teacher is run with a wrong --range"),
        ]
      : []),
    ...(tiled
      ? [
          `${of(tiled)} were too large to be computed whole. This model looks at whole images, so that tiles change its output: figures are approximate`,
        ]
      : []),
    ...(padded
      ? [
          `${of(padded)} are smaller than a size that the model takes and were continued at their border up to it: figures are approximate`,
        ]
      : []),
    ...(without > 0
      ? [
          `${of(without)} have too few blocks of 96×96 pixels for NIQE; ` +
            (without < images.length ? "it is of the others" : "it is not given"),
        ]
      : []),
  ];
}

const decimals = (count: number) => (value: number) => value.toFixed(count);
