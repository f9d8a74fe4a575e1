import { renderCharts } from "./charts.js";
import { renderCrops } from "./crops.js";
import { type Heading, renderPage } from "./page.js";
import { renderSettings } from "./settings.js";
import { renderHighlights, renderTable } from "./table.js";
import { renderCost } from "./training-cost.js";

/** All that a run's report shows. Texts may hold anything: they are escaped. */
export interface RunReport extends Heading {
  /** Models on each set; PSNR of the others is compared with that of `teacher-before` on the same set. */
  readonly table: readonly ReportRow[];
  readonly curves: readonly Curve[];
  readonly crops: readonly CropComparison[];
  /** The resolved configuration; values may be nested. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly cost: RunCost;
}

export type ModelRole = "bicubic" | "teacher-before" | "teacher-after" | "tutor" | "student";

/** A model on a set. Null leaves a cell empty. */
export interface ReportRow {
  readonly role: ModelRole;
  readonly label: string;
  readonly set: string;
  readonly scale: number;
  /** dB. */
  readonly psnr: number | null;
  readonly ssim: number | null;
  readonly parameters: number | null;
  /** For an image of 1280×720. */
  readonly macs: number | null;
  /** Milliseconds an image. */
  readonly latencyMs: number | null;
  /** How many times as fast as the teacher. */
  readonly speedUp: number | null;
  readonly modelBytes: number | null;
  /** Of its weights, where they are integers. */
  readonly bits?: number;
}

/** A chart over training steps. */
export interface Curve {
  readonly title: string;
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: string;
  /** In the order of the steps; values that are not finite leave a gap. */
  readonly points: readonly (readonly [step: number, value: number])[];
}

/** The same crop of an image, by several models. */
export interface CropComparison {
  readonly image: string;
  /** Pixels of every tile. */
  readonly width: number;
  readonly height: number;
  readonly tiles: readonly CropTile[];
}

export interface CropTile {
  readonly label: string;
  /** An encoded PNG. */
  readonly png: Uint8Array;
  /** Of the crop, or of the whole image, in dB. */
  readonly psnr: number | null;
}

/** What the run cost. */
export interface RunCost {
  readonly seconds: number;
  readonly stepsPerSecond: number | null;
  readonly flops: number | null;
  readonly joules: number | null;
  readonly peakMemoryBytes: number | null;
  /** Share of VGG in the operations, 0..1. */
  readonly vggShare: number | null;
}

/** A run's report as a page that needs nothing but itself. */
export function renderReport(report: RunReport): string {
  return renderPage(report, [
    { id: "results", title: "Results", content: [renderHighlights(report.table), renderTable(report.table)] },
    { id: "crops", title: "Crops", content: renderCrops(report.crops) },
    { id: "charts", title: "Charts", content: renderCharts(report) },
    { id: "cost", title: "What it cost", content: renderCost(report.cost) },
    { id: "settings", title: "Settings", content: renderSettings(report) },
  ]);
}
