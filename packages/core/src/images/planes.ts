import { ImageError } from "../errors.js";
import type { FloatPlanes } from "./bicubic.js";
import { hasAlpha, type Image, imageOf, peak, samples } from "./image.js";
import { deinterleave, interleave } from "./interleave.js";

/**
 * What a network takes: float32 planes of red, green and blue, each `height` × `width`, in 0..255 (16-bit samples are
 * divided by 257). Grey is replicated; alpha is left out (`splitAlpha` keeps it).
 * @returns 3 · height · width values, NCHW with N = 1
 */
export function rgbPlanes(image: Image): Float32Array {
  const planes = new Float32Array(3 * image.width * image.height);
  writeRgbPlanes(image, planes);
  return planes;
}

/** An image as planes in 0..255 with their size: one of grey, or red, green and blue. */
export function floatPlanes(image: Image, planes: 1 | 3): FloatPlanes<Float32Array<ArrayBuffer>> {
  const { width, height } = image;
  const data = rgbPlanes(image) as Float32Array<ArrayBuffer>;
  return { planes, width, height, data: planes === 3 ? data : data.slice(0, width * height) };
}

/** The rectangle of `width` × `height` values whose upper left one is (`x`, `y`). */
export function cropFloatPlanes(
  source: FloatPlanes,
  x: number,
  y: number,
  width: number,
  height: number,
): FloatPlanes<Float32Array<ArrayBuffer>> {
  const data = new Float32Array(source.planes * width * height);
  for (let row = 0; row < source.planes * height; row++) {
    const [plane, line] = [Math.floor(row / height), row % height];
    const start = (plane * source.height + y + line) * source.width + x;
    data.set(source.data.subarray(start, start + width), row * width);
  }
  return { planes: source.planes, width, height, data };
}

/** As `rgbPlanes`, into `target` from `offset` on. */
export function writeRgbPlanes(image: Image, target: Float32Array, offset = 0): void {
  const { data, channels, width, height } = image;
  const area = width * height;
  deinterleave(data, channels, peak(image.depth), target, offset);
  if (channels >= 3) return;
  for (const plane of [1, 2]) target.copyWithin(offset + plane * area, offset, offset + area);
}

/**
 * The inverse of `rgbPlanes`, or a grey image of one plane: values are rounded half away from zero and clipped to the depth's range; NaN becomes 0.
 * @param planes 3 · height · width values in 0..255, red first, or height · width values
 * @throws ImageError if there are not that many values
 */
export function imageFromPlanes(
  planes: Float32Array | Float64Array,
  width: number,
  height: number,
  depth: Image["depth"] = 8,
): Image {
  const area = width * height;
  const channels = planes.length === area ? 1 : 3;
  if (planes.length !== channels * area) {
    throw new ImageError(`three planes of ${width}×${height} are ${3 * area} values, but there are ${planes.length}`);
  }
  const data = samples(depth, channels * area);
  interleave(planes, data, channels, peak(depth));
  return imageOf(width, height, channels, data);
}

/** The image with three colour channels: grey is replicated, alpha dropped. An RGB image is returned as it is. */
export function toRgb(image: Image): Image {
  if (image.channels === 3) return image;
  const { width, height, channels } = image;
  const data = samples(image.depth, width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) {
      data[pixel * 3 + c] = image.data[pixel * channels + (channels === 4 ? c : 0)] as number;
    }
  }
  return imageOf(width, height, 3, data);
}

/** The image without its alpha channel. */
export function withoutAlpha(image: Image): Image {
  if (!hasAlpha(image)) return image;
  if (image.channels === 4) return toRgb(image);
  const data = samples(image.depth, image.width * image.height);
  for (let pixel = 0; pixel < data.length; pixel++) data[pixel] = image.data[pixel * 2] as number;
  return imageOf(image.width, image.height, 1, data);
}
