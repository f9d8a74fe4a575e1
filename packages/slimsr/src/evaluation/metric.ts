import { unmeasuredBorder } from "@slimsr/core/internal/model/descriptor.js";
import type { Dataset } from "../datasets/dataset.js";

/** What PSNR is measured of. */
export interface Metric {
  /** Y of MATLAB's rgb2ycbcr, red, green and blue, or the grey image. */
  readonly colour: "y" | "rgb" | "grey";
  /** Pixels left out at each side. */
  readonly border: number;
}

/** Sets of rain, as Rain100L, and no training set. */
const RAIN = /(^|[^t])rain/i;

/**
 * What the field measures: of super-resolution Y, without a border of the scale; of restoration the whole of a grey image, or of
 * RGB, but Y where rain is removed.
 * @param asked goes before that
 */
export const metricFor = (
  { name, scale, grey }: Pick<Dataset, "name" | "scale" | "grey">,
  asked: { colour?: "y" | "rgb" | undefined; border?: number | undefined } = {},
): Metric => ({
  colour: asked.colour ?? (grey ? "grey" : scale > 1 || RAIN.test(name) ? "y" : "rgb"),
  border: asked.border ?? borderOf(scale),
});

/** The field's border. */
export const borderOf = unmeasuredBorder;

const COLOURS = { y: "Y", rgb: "RGB", grey: "grey" } as const;

/** "PSNR of Y, border 2". */
export const showMetric = ({ colour, border }: Metric): string => `PSNR of ${COLOURS[colour]}, border ${border}`;

/** Whether it is the benchmarks' of super-resolution, which tables needn't name. */
export const isBenchmark = ({ colour, border }: Metric, scale: number): boolean =>
  colour === "y" && scale > 1 && border === scale;
