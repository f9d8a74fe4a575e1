/** What options are given as text: each reads one, or says what it must be. */
import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { MOST_THREADS } from "@slimsr/upscaler/internal/node/threads.js";
import { InvalidArgumentError } from "commander";
import { parseDegradation } from "../degradations/degradation.js";
import { MOST_SEED } from "../runs/settings.js";
import { OUTPUT_SIZE, outputSize } from "../slimming/budgets/texts.js";

/** A number within bounds, which what it refuses is told. */
const between =
  (least: number, most: number, isWhole = true) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`It must be a ${isWhole ? "whole " : ""}number from ${least} to ${most}.`);
  };

/** Threads of the engine. */
export const threads = between(1, MOST_THREADS);

/** Files that are worked on at once. */
export const files = between(1, 64);

/** Quality of JPEG and its like. */
export const formatQuality = between(1, 100);

/** Constant rate factors of all encoders. */
export const crf = between(0, 63);

export const framesPerSecond = between(0.001, 10_000, false);

/** How much larger an image becomes, or smaller. */
export const magnification = between(0.01, 256, false);

export const longEdge = between(1, 1_000_000);

/** Patches that are held in memory. */
export const patches = between(1, 100_000);

/** Iterations of a solver; none at all is one answer. */
export const iterations = between(0, 1000);

/** Bits of weights in integers. */
export const bits = between(2, 8);

/** PSNR that may be lost. */
export const decibels = between(0, 10, false);

/** Pixels at each side of an image. */
export const border = between(0, 10_000);

/** Pixels of an image. */
export const pixels = between(1, 1e9);

/** Memory: from where any tile fits to 16 TiB. */
export const mebibytes = between(16, 2 ** 24);

export const milliseconds = between(0.001, 3_600_000, false);

/** "1280x720": pixels across and down. */
export function size(text: string): Size {
  const read = outputSize(text);
  if (read) return read;
  throw new InvalidArgumentError(`It must be ${OUTPUT_SIZE}.`);
}

/** What commas separate, each once. */
const listOf = <T>(text: string, read: (part: string) => T): T[] => [...new Set(text.split(",").map(read))];

export const seeds = (text: string): number[] => listOf(text, between(0, MOST_SEED));

/** Widths of networks, as an option with this example takes them. */
export const widths =
  (example: string) =>
  (text: string): number[] => {
    const list = listOf(text, Number);
    if (list.every((width) => width > 0 && width <= 1)) return list;
    throw new InvalidArgumentError(`Widths are shares of the channels above 0 and up to 1, such as ${example}.`);
  };

/** One of the widths that a file holds. */
export function quality(text: string): number {
  const share = text.trim() === "" ? Number.NaN : Number(text);
  if (share > 0 && share <= 1) return share;
  throw new InvalidArgumentError("It must be a share of the channels above 0 and up to 1, such as 0.5.");
}

/** A file's width, or what measuring chooses. */
export const qualityOrAuto = (text: string): number | "auto" => (text === "auto" ? text : quality(text));

/** Pixels along each side of the one image that a file takes. */
export const tile = between(1, 8192);

/** Whole factors that images are reduced by. */
export const scales = (text: string): number[] => listOf(text, between(2, 64));

/** "blur:1.6+bicubic": how an input is made. */
export function degradation(text: string): string {
  try {
    return parseDegradation(text).text;
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
