import { DatasetError } from "@slimsr/core/internal/errors.js";
import type { Image } from "@slimsr/core/internal/images/image.js";
import { niqe } from "@slimsr/core/internal/metrics/niqe.js";
import { psnr } from "@slimsr/core/internal/metrics/psnr.js";
import { ssim } from "@slimsr/core/internal/metrics/ssim.js";

export interface Measure {
  /** Of which PSNR is: Y of MATLAB's rgb2ycbcr, or RGB. SSIM and NIQE are always of Y. */
  readonly colour: "y" | "rgb";
  /** Pixels left out at each side. */
  readonly border: number;
  readonly niqe: boolean;
}

/** What an image is worth. */
export interface Score {
  /** dB; Infinity for an image that equals its ground truth. */
  readonly psnr: number;
  readonly ssim: number;
  /** Null where the image has too few blocks; left out unless asked for. */
  readonly niqe?: number | null;
}

/**
 * Measures an image as it is written, rounded to 8 bits.
 * @throws DatasetError if nothing or too little is left within the border
 */
export function scoreImage(output: Image, truth: Image, { colour, border, niqe: wanted }: Measure): Score {
  return {
    psnr: psnr(output, truth, { border, colour }),
    ssim: ssim(output, truth, { border }),
    ...(wanted && { niqe: niqeOrNull(output, border) }),
  };
}

/** Means over images; NIQE over those that have one. */
export function meanScore(scores: readonly Score[]): Score {
  const measured = scores.flatMap(({ niqe: value }) => (typeof value === "number" ? [value] : []));
  return {
    psnr: mean(scores.map(({ psnr: value }) => value)),
    ssim: mean(scores.map(({ ssim: value }) => value)),
    ...(scores.some(({ niqe: value }) => value !== undefined) && {
      niqe: measured.length > 0 ? mean(measured) : null,
    }),
  };
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function niqeOrNull(image: Image, border: number): number | null {
  try {
    return niqe(image, { border });
  } catch (error) {
    if (error instanceof DatasetError) return null;
    throw error;
  }
}
