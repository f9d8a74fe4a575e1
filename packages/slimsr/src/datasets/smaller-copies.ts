import { resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { type Image8, to8Bit } from "@slimsr/core/internal/images/image.js";
import type { Span } from "../degradations/degradation.js";
import { drawn, seededBy } from "../degradations/degrade.js";

/** By what factors an image is reduced, for patches of finer structure: a copy for each span, in which its factor is drawn. */
export const COPY_SPANS: readonly Span[] = [
  { least: 0.5, most: 0.7 },
  { least: 0.7, most: 0.95 },
];

/**
 * A copy that is reduced by MATLAB's bicubic. Its factor depends on the image's samples alone, so that copies are the same in every run,
 * wherever the image lies.
 * @param copy index into `COPY_SPANS`
 */
export function smallerCopy(image: Image8, copy: number): Image8 {
  const factor = drawn(COPY_SPANS[copy] as Span, seededBy(copy + 1, image.data));
  return to8Bit(resizeBicubic(image, factor));
}

/** What a copy is called where it is kept: its span, for the factor follows from it. */
export function showCopy(copy: number): string {
  const { least, most } = COPY_SPANS[copy] as Span;
  return `reduced by ${least}-${most}`;
}
