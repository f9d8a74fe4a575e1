import { ImageError } from "../errors.js";

/** 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
export type Channels = 1 | 2 | 3 | 4;

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
}

/** Samples 0..255, row after row, the channels of a pixel side by side. */
export interface Image8 extends Layout {
  readonly depth: 8;
  readonly data: Uint8Array;
}

/** Samples 0..65535, row after row, the channels of a pixel side by side. */
export interface Image16 extends Layout {
  readonly depth: 16;
  readonly data: Uint16Array;
}

/** A decoded picture in sRGB (or its grey), alpha not premultiplied. */
export type Image = Image8 | Image16;

/** The largest sample of a depth: 255 or 65535. */
export function peak(depth: Image["depth"]): number {
  return depth === 8 ? 255 : 65535;
}

/** A sample: half away from zero, clipped to 0..top, which is less than 2³¹; NaN becomes 0. */
export const rounded = (value: number, top: number): number => (Math.min(Math.max(value, 0), top) + 0.5) | 0;

/** Whether the last channel is alpha. */
export function hasAlpha(image: Image): boolean {
  return image.channels === 2 || image.channels === 4;
}

/**
 * An image around existing samples (not copied).
 * @throws ImageError if the size is not that of `width` × `height` × `channels` samples
 */
export function imageOf(width: number, height: number, channels: Channels, data: Uint8Array): Image8;
export function imageOf(width: number, height: number, channels: Channels, data: Uint16Array): Image16;
export function imageOf(width: number, height: number, channels: Channels, data: Uint8Array | Uint16Array): Image;
export function imageOf(width: number, height: number, channels: Channels, data: Uint8Array | Uint16Array): Image {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!whole || data.length !== width * height * channels) {
    throw new ImageError(
      `${width}×${height} pixels of ${channels} channels need positive whole sizes and ${width * height * channels} samples, but there are ${data.length}`,
    );
  }
  return data instanceof Uint8Array
    ? { width, height, channels, depth: 8, data }
    : { width, height, channels, depth: 16, data };
}

/** An array for `length` samples of the depth. */
export function samples(depth: Image["depth"], length: number): Uint8Array | Uint16Array {
  return depth === 8 ? new Uint8Array(length) : new Uint16Array(length);
}

/**
 * The rectangle of `width` × `height` pixels whose upper left pixel is (`x`, `y`).
 * @throws ImageError if it does not lie within the image
 */
export function crop(image: Image, x: number, y: number, width: number, height: number): Image {
  const inside = x >= 0 && y >= 0 && x + width <= image.width && y + height <= image.height;
  if (!inside) {
    throw new ImageError(`${width}×${height} pixels at (${x}, ${y}) do not lie within ${image.width}×${image.height}`);
  }
  const { channels } = image;
  const data = samples(image.depth, width * height * channels);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * image.width + x) * channels;
    data.set(image.data.subarray(start, start + width * channels), row * width * channels);
  }
  return imageOf(width, height, channels, data);
}

/**
 * The field's modcrop: drops the columns and rows at the right and bottom that don't fill a multiple of `scale`,
 * as is done with HR images before LR is made from them.
 * @throws ImageError if the image is smaller than `scale`
 */
export function cropToMultiple(image: Image, scale: number): Image {
  const width = image.width - (image.width % scale);
  const height = image.height - (image.height % scale);
  return width === image.width && height === image.height ? image : crop(image, 0, 0, width, height);
}

/** The image at 8 bits a sample: 16-bit samples are divided by 257 and rounded. */
export function to8Bit(image: Image): Image8 {
  if (image.depth === 8) return image;
  const data = new Uint8Array(image.data.length);
  for (let i = 0; i < data.length; i++) data[i] = ((image.data[i] as number) + 128) / 257;
  return imageOf(image.width, image.height, image.channels, data);
}

/** The colour (one or three channels) and, if there is one, the alpha (one channel) of an image. */
export function splitAlpha(image: Image): { colour: Image; alpha?: Image } {
  if (!hasAlpha(image)) return { colour: image };
  const { width, height, channels, depth } = image;
  const colours = channels === 2 ? 1 : 3;
  const colour = samples(depth, width * height * colours);
  const alpha = samples(depth, width * height);
  for (let pixel = 0; pixel < alpha.length; pixel++) {
    for (let c = 0; c < colours; c++) colour[pixel * colours + c] = image.data[pixel * channels + c] as number;
    alpha[pixel] = image.data[pixel * channels + colours] as number;
  }
  return { colour: imageOf(width, height, colours, colour), alpha: imageOf(width, height, 1, alpha) };
}

/**
 * The inverse of `splitAlpha`.
 * @throws ImageError if sizes or depths differ, or the channels are not colour (1 or 3) and alpha (1)
 */
export function joinAlpha(colour: Image, alpha: Image): Image {
  const fits = colour.width === alpha.width && colour.height === alpha.height && colour.depth === alpha.depth;
  if (!fits || hasAlpha(colour) || alpha.channels !== 1) {
    throw new ImageError(
      `an alpha of ${describe(alpha)} does not fit a picture of ${describe(colour)}: size and depth must be the same`,
    );
  }
  const colours = colour.channels;
  const channels = colours === 1 ? 2 : 4;
  const data = samples(colour.depth, alpha.data.length * channels);
  for (let pixel = 0; pixel < alpha.data.length; pixel++) {
    for (let c = 0; c < colours; c++) data[pixel * channels + c] = colour.data[pixel * colours + c] as number;
    data[pixel * channels + colours] = alpha.data[pixel] as number;
  }
  return imageOf(colour.width, colour.height, channels, data);
}

/** "512×256, 3 channels of 8 bits", for messages. */
function describe(image: Image): string {
  const channels = image.channels === 1 ? "1 channel" : `${image.channels} channels`;
  return `${image.width}×${image.height}, ${channels} of ${image.depth} bits`;
}
