import type { Size, Symmetry } from "@slimsr/core/internal/images/geometry.js";
import { channelsOf, emptyPlanes, type Planes, type Rectangle } from "../images/planes.js";

/** Flipped first, then mirrored along the diagonal. */
export const SYMMETRIES: readonly Symmetry[] = [false, true].flatMap((transposed) =>
  [false, true].flatMap((flippedY) => [false, true].map((flippedX) => ({ flippedX, flippedY, transposed }))),
);

/**
 * The geometric self-ensemble, "+" (Lim et al. 2017, section 3.4): the mean of the eight outputs for the image turned and
 * flipped, each turned back, not rounded.
 */
export async function selfEnsemble(
  image: Planes,
  upscale: (image: Planes, symmetry: Symmetry, index: number) => Promise<Planes>,
): Promise<Planes> {
  let mean: Planes | undefined;
  for (const [index, symmetry] of SYMMETRIES.entries()) {
    const output = await upscale(turned(image, symmetry), symmetry, index);
    const { transposed } = symmetry;
    mean ??= emptyPlanes(transposed ? { width: output.height, height: output.width } : output, channelsOf(output));
    addTurnedBack(mean, output, symmetry);
  }
  return mean as Planes;
}

/** `image` under the symmetry: pixel (x, y) of the result is pixel (x or its mirror, y or its mirror), transposed. */
export function turned(image: Planes, symmetry: Symmetry): Planes {
  const { width, height } = image;
  const target = emptyPlanes(symmetry.transposed ? { width: height, height: width } : image, channelsOf(image));
  visit(image, symmetry, (own, other) => {
    target.data[other] = image.data[own] as number;
  });
  return target;
}

/** Where a rectangle of an image of the given size lies when that is turned. */
export function turnedRectangle(
  { x, y, width, height }: Rectangle,
  image: Size,
  { flippedX, flippedY, transposed }: Symmetry,
): Rectangle {
  const left = flippedX ? image.width - x - width : x;
  const top = flippedY ? image.height - y - height : y;
  return transposed ? { x: top, y: left, width: height, height: width } : { x: left, y: top, width, height };
}

/** Adds an eighth of `output`, turned back, to `mean`. */
function addTurnedBack(mean: Planes, output: Planes, symmetry: Symmetry): void {
  visit(mean, symmetry, (own, other) => {
    mean.data[own] = (mean.data[own] as number) + (output.data[other] as number) / SYMMETRIES.length;
  });
}

/** Calls `each` with every index of a picture and the index of the same pixel in the turned picture. */
function visit(
  planes: Planes,
  { flippedX, flippedY, transposed }: Symmetry,
  each: (own: number, other: number) => void,
): void {
  const { width, height } = planes;
  for (let plane = 0; plane < channelsOf(planes); plane++) {
    const start = plane * width * height;
    for (let y = 0; y < height; y++) {
      const toY = flippedY ? height - 1 - y : y;
      for (let x = 0; x < width; x++) {
        const toX = flippedX ? width - 1 - x : x;
        each(start + y * width + x, start + (transposed ? toX * height + toY : toY * width + toX));
      }
    }
  }
}
