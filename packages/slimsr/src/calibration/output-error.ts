import type { Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { add, mul, reduceSum, reduceSumSquare } from "@slimsr/core/internal/operators/index.js";

/** Rec. 601 luma's weights of red, green and blue: what the field's PSNR measures. */
const LUMA = [65.481 / 255, 128.553 / 255, 24.966 / 255] as const;
/** What an error of a colour by itself counts beside luma, in amplitude: colours must not get lost either. */
const COLOUR = 1 / 4;

/** Of a network's images for inputs [N, C, H, W]. */
export function outputShape(
  { descriptor: { scale, channels } }: Model,
  [count, , height, width]: readonly number[],
): [number, number, number, number] {
  return [count as number, channels.output, (height as number) * scale, (width as number) * scale];
}

/**
 * The error of images: squared differences r of luma and, with a smaller weight, of colours, rᵀ·M·r; the mean over an image's pixels, summed over images. A single
 * channel is luma itself.
 * @param a [N, channels, H, W] and `b` alike
 */
export function errorBetween(
  a: Float32Array,
  b: Float32Array,
  [count, channels, height, width]: readonly [number, number, number, number],
): number {
  const area = height * width;
  let sum = 0;
  for (let image = 0; image < count; image++) {
    const start = image * channels * area;
    for (let p = start; p < start + area; p++) {
      if (channels === 1) {
        sum += ((a[p] as number) - (b[p] as number)) ** 2;
        continue;
      }
      let luma = 0;
      for (let c = 0; c < 3; c++) {
        const difference = (a[p + c * area] as number) - (b[p + c * area] as number);
        luma += (LUMA[c] as number) * difference;
        sum += (COLOUR * difference) ** 2;
      }
      sum += luma ** 2;
    }
  }
  return sum / area;
}

/** `errorBetween` in a graph. @param difference [N, C, H, W]; yields a scalar */
export function errorOf(difference: Value): Value {
  const [, channels, height, width] = difference.shape as [number, number, number, number];
  const squares = reduceSumSquare(difference);
  const mean = 1 / (height * width);
  if (channels === 1) return mul(squares, mean);
  const weighed = mul(difference, difference.graph.constant(Float32Array.from(LUMA), [1, LUMA.length, 1, 1]));
  const luma = reduceSum(weighed, { axes: [1], keep: true });
  return mul(add(reduceSumSquare(luma), mul(squares, COLOUR ** 2)), mean);
}

/**
 * What the outputs' pixels are multiplied with, and summed, to see what they depend on: random numbers whose second moment is M, luma's signs and, smaller, each
 * colour's own.
 * @param shape [N, C, H, W]
 */
export function probeOf(
  shape: readonly [number, number, number, number],
  signs: (length: number) => Float32Array,
): Float32Array {
  const [count, channels, height, width] = shape;
  const area = height * width;
  if (channels === 1) return signs(count * area);
  const [luma, colours] = [signs(count * area), signs(count * 3 * area)];
  return colours.map((sign, i) => {
    const [image, colour] = [Math.floor(i / (3 * area)), Math.floor(i / area) % 3];
    return COLOUR * sign + (LUMA[colour] as number) * (luma[image * area + (i % area)] as number);
  });
}
