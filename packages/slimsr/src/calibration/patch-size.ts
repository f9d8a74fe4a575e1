import { type Descriptor, sizeFrom } from "@slimsr/core/internal/model/descriptor.js";

/** Pixels along a side of a patch, before enlargement. */
const SIDE = 32;

/** Of a network whose pixels depend on the whole image, as on means over it: smaller ones would show other means, and mostly borders. */
const GLOBAL_SIDE = 64;

/** The size of the patches that a network is calibrated on, and how many of them have the pixels of `count` of 32×32. */
export function calibrationSize(
  { reach, size }: Pick<Descriptor, "reach" | "size">,
  count: number,
): { side: number; count: number } {
  const side = sizeFrom(size, reach === "global" ? GLOBAL_SIDE : SIDE).width;
  return { side, count: Math.max(1, Math.ceil((count * SIDE ** 2) / side ** 2)) };
}
