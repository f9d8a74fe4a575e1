import { DatasetError } from "../errors.js";
import { crop, type Image } from "../images/image.js";

/** Rows that are measured at once: what they take is small enough to be used again and again, and to stay in the cache. */
const STRIP_HEIGHT = 32;

/**
 * Output and ground truth within a border of `border` pixels at each side, from top to bottom in strips that share `overlap` rows
 * with the next.
 * @throws DatasetError if their sizes differ, or nothing is left
 */
export function* strips(output: Image, truth: Image, border: number, overlap = 0): Generator<[Image, Image]> {
  if (output.width !== truth.width || output.height !== truth.height) {
    throw new DatasetError(
      `the output is ${output.width}×${output.height} but the ground truth ${truth.width}×${truth.height}; they must be of one size (is the scale right?)`,
    );
  }
  const { width, height } = sizeWithin(output, border);
  for (let y = 0; y + overlap < height; y += STRIP_HEIGHT) {
    const rows = Math.min(STRIP_HEIGHT + overlap, height - y);
    const strip = (image: Image): Image => crop(image, border, border + y, width, rows);
    yield [strip(output), strip(truth)];
  }
}

/**
 * What is left of an image without a border of `border` pixels at each side.
 * @throws DatasetError if nothing is
 */
export function sizeWithin({ width, height }: Image, border: number): { width: number; height: number } {
  if (Math.min(width, height) <= 2 * border) {
    throw new DatasetError(`an image of ${width}×${height} has nothing left within a border of ${border} pixels`);
  }
  return { width: width - 2 * border, height: height - 2 * border };
}

/** The image within such a border. @throws DatasetError if nothing is left */
export function shave(image: Image, border: number): Image {
  const { width, height } = sizeWithin(image, border);
  return border === 0 ? image : crop(image, border, border, width, height);
}
