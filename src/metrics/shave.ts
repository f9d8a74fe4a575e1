import { DatasetError } from "../errors.js";
import { crop, type Image } from "../images/image.js";

/**
 * Output and ground truth without a border of `border` pixels at each side.
 * @throws DatasetError if their sizes differ, or nothing is left
 */
export function shavePair(output: Image, truth: Image, border: number): [Image, Image] {
  if (output.width !== truth.width || output.height !== truth.height) {
    throw new DatasetError(
      `the output is ${output.width}×${output.height} but the ground truth ${truth.width}×${truth.height}; they must be of one size (is the scale right?)`,
    );
  }
  return [shave(output, border), shave(truth, border)];
}

/** Rows that are measured at once: what they take is small enough to be used again and again, and to stay in the cache. */
const STRIP_HEIGHT = 32;

/** Two images of one size from top to bottom, in strips that share `overlap` rows with the next. */
export function* strips(first: Image, second: Image, overlap = 0): Generator<[Image, Image]> {
  const { width, height } = first;
  for (let y = 0; y + overlap < height; y += STRIP_HEIGHT) {
    const rows = Math.min(STRIP_HEIGHT + overlap, height - y);
    yield [crop(first, 0, y, width, rows), crop(second, 0, y, width, rows)];
  }
}

/**
 * The image without a border of `border` pixels at each side.
 * @throws DatasetError if nothing is left
 */
export function shave(image: Image, border: number): Image {
  const { width, height } = image;
  if (Math.min(width, height) <= 2 * border) {
    throw new DatasetError(`an image of ${width}×${height} has nothing left within a border of ${border} pixels`);
  }
  return border === 0 ? image : crop(image, border, border, width - 2 * border, height - 2 * border);
}
