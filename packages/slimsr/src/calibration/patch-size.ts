import { type Descriptor, sizeFrom } from "@slimsr/core/internal/model/descriptor.js";

/** Pixels along a side of a patch, before enlargement. */
const SIDE = 32;

/** Of a network whose pixels depend on the whole image, as on means over it: smaller ones would show other means, and mostly borders. */
const GLOBAL_SIDE = 64;

/** How many times the pixels of other networks these are calibrated on: there are fewer patches of them. */
const GLOBAL_PIXELS = 2;

/** The size of the patches that a network is calibrated on, and how many take the place of `count` of 32×32. */
export function calibrationSize(
  { reach, size }: Pick<Descriptor, "reach" | "size">,
  count: number,
): { side: number; count: number } {
  const isGlobal = reach === "global";
  const side = sizeFrom(size, isGlobal ? GLOBAL_SIDE : SIDE).width;
  const pixels = (isGlobal ? GLOBAL_PIXELS : 1) * count * SIDE ** 2;
  return { side, count: Math.max(1, Math.ceil(pixels / side ** 2)) };
}
