import type { FloatPlanes } from "@slimsr/core/internal/images/bicubic.js";
import {
  type ColourSpace,
  greyOfLuma,
  greyOfRgb,
  lumaOfGrey,
  lumaOfRgb,
  withBicubicChroma,
} from "@slimsr/core/internal/images/colour.js";
import { rounded } from "@slimsr/core/internal/images/image.js";
import { deinterleave, interleave } from "@slimsr/core/internal/images/interleave.js";
import { depthOf, emptyPixels, hasAlpha, type Pixels, peakOf } from "./pixels.js";
import { channelsOf, type Planes } from "./planes.js";

/**
 * Pixels as the planes that a network takes, and its results as pixels again.
 *
 * Colours are premultiplied by alpha, which is what is seen of them, so that colours nobody sees don't come out at edges; alpha is a
 * layer of its own, enlarged as grey is, and the network's colours are divided by the network's alpha. Where a pixel's alpha is that of
 * its eight neighbours the result has just the same, whatever the network makes of a flat plane: what is opaque or invisible stays so.
 * That rule needs one pixel around a tile, and alike for every tile, so that a tile of one alpha needs no run for it.
 */

type Float32Planes = FloatPlanes<Float32Array<ArrayBuffer>>;

/**
 * What is to be run, one after another; nothing where no pixel is seen.
 * - A network of RGB gets an image of grey three times over.
 * - One of luma gets the colours' luma; their chroma is enlarged by the bicubic.
 * - One of grey gets red, green and blue one by one.
 * @param colour what the network's planes hold
 */
export function layersOf(pixels: Pixels, colour: ColourSpace): Planes[] {
  const alpha = flatAlpha(pixels);
  return alpha === 0 ? [] : layersWith(pixels, colour, hasAlpha(pixels) && alpha === undefined);
}

/** The layers of the colours, then alpha's if asked for, whether or not anything is seen of them. */
export function layersWith(pixels: Pixels, colour: ColourSpace, alpha: boolean): Planes[] {
  const layers = layersOfColours(coloursOf(pixels), colour);
  return alpha ? [...layers, ...layersOfColours(alphaOf(pixels), colour)] : layers;
}

/**
 * The image that a network's results make up, at the pixels' channels and depth, rounded and clipped.
 * @param results of `layersOf(pixels, colour)`, in its order, planes in 0..255; they may be overwritten
 * @param scale the network's
 */
export function pixelsOf(results: readonly Planes[], pixels: Pixels, colour: ColourSpace, scale: number): Pixels {
  const size = { width: pixels.width * scale, height: pixels.height * scale };
  const target = emptyPixels({ ...size, channels: pixels.channels, depth: depthOf(pixels) });
  if (results.length === 0) return target;
  const planes = planesOf(pixels);
  const ofColours = layersPerColours(planes, colour);
  const colours = coloursOfLayers(results.slice(0, ofColours), planes, colour, () => coloursOf(pixels));
  const flat = flatAlpha(pixels);
  const isOpaque = flat === peakOf(depthOf(pixels));
  if (isOpaque || !hasAlpha(pixels)) {
    putColours(colours, target);
    if (isOpaque) putAlpha(flat, target);
    return target;
  }
  const smallAlpha = alphaOf(pixels);
  const alpha =
    flat === undefined
      ? withFlatParts(
          coloursOfLayers(results.slice(ofColours), 1, colour, () => smallAlpha),
          smallAlpha,
          scale,
        )
      : new Float32Array(size.width * size.height).fill(smallAlpha.data[0] as number);
  interleaveDivided(colours, alpha, target);
  return target;
}

/** Alpha's one sample; undefined where it differs or there is none. */
export function flatAlpha(pixels: Pixels): number | undefined {
  if (!hasAlpha(pixels)) return undefined;
  const { data, channels } = pixels;
  const first = data[channels - 1];
  for (let at = channels - 1; at < data.length; at += channels) if (data[at] !== first) return undefined;
  return first;
}

/** Planes of an image's colours: grey, or red, green and blue. */
const planesOf = ({ channels }: Pixels): 1 | 3 => (channels < 3 ? 1 : 3);

/** Grey, or red, green and blue in 0..255, premultiplied. */
function coloursOf(pixels: Pixels): Float32Planes {
  const { data, width, height, channels } = pixels;
  const planes = planesOf(pixels);
  const area = width * height;
  const values = new Float32Array(planes * area);
  const peak = peakOf(depthOf(pixels));
  deinterleave(data, channels, peak, values);
  if (hasAlpha(pixels)) {
    for (let plane = 0; plane < planes; plane++) {
      const start = plane * area;
      for (let i = 0, at = channels - 1; i < area; i++, at += channels) {
        values[start + i] = (values[start + i] as number) * ((data[at] as number) / peak);
      }
    }
  }
  return { planes, width, height, data: values };
}

function alphaOf(pixels: Pixels): Float32Planes {
  const { data, width, height, channels } = pixels;
  const values = new Float32Array(width * height);
  const unit = peakOf(depthOf(pixels)) / 255;
  for (let i = 0, at = channels - 1; i < values.length; i++, at += channels) values[i] = (data[at] as number) / unit;
  return { planes: 1, width, height, data: values };
}

const layersPerColours = (planes: number, colour: ColourSpace): number => (colour === "grey" ? planes : 1);

function layersOfColours(colours: Float32Planes, colour: ColourSpace): Planes[] {
  const isGrey = colours.planes === 1;
  switch (colour) {
    case "rgb":
      return [isGrey ? { ...colours, data: repeated(colours.data, 3) } : colours];
    case "luma":
      return [isGrey ? lumaOfGrey(colours) : lumaOfRgb(colours)];
    case "grey":
      return isGrey ? [colours] : [0, 1, 2].map((plane) => planeOf(colours, plane));
  }
}

/**
 * The inverse of `layersOfColours`, for results of a network.
 * @param planes of what the layers were made of
 * @param small makes that, where it is needed
 */
function coloursOfLayers(
  results: readonly Planes[],
  planes: number,
  colour: ColourSpace,
  small: () => Float32Planes,
): FloatPlanes {
  const [first] = results as [Planes];
  const result = { ...first, planes: channelsOf(first) };
  const isGrey = planes === 1;
  switch (colour) {
    case "rgb":
      return isGrey ? greyOfRgb(result) : result;
    case "luma":
      return isGrey ? greyOfLuma(result) : withBicubicChroma(result, small());
    case "grey":
      return isGrey ? result : { ...result, planes: 3, data: joined(results) };
  }
}

function repeated(values: Float32Array, times: number): Float32Array<ArrayBuffer> {
  const all = new Float32Array(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

function planeOf({ width, height, data }: Float32Planes, plane: number): Planes {
  const area = width * height;
  return { width, height, data: data.slice(plane * area, (plane + 1) * area) };
}

function joined(planes: readonly Planes[]): Float32Array {
  const length = (planes[0] as Planes).data.length;
  const all = new Float32Array(planes.length * length);
  planes.forEach(({ data }, i) => {
    all.set(data, i * length);
  });
  return all;
}

/** Alpha as the network has it, but for pixels whose neighbours' alpha is their own. */
function withFlatParts(enlarged: FloatPlanes, { width, height, data }: FloatPlanes, scale: number): Float32Array {
  for (let y = 0; y < height; y++) {
    const above = Math.max(y - 1, 0) * width;
    const own = y * width;
    const below = Math.min(y + 1, height - 1) * width;
    for (let x = 0; x < width; x++) {
      const value = data[own + x] as number;
      let isFlat = true;
      for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
        isFlat &&= data[above + column] === value && data[own + column] === value && data[below + column] === value;
      }
      if (!isFlat) continue;
      for (let row = y * scale; row < (y + 1) * scale; row++) {
        const from = row * enlarged.width + x * scale;
        enlarged.data.fill(value, from, from + scale);
      }
    }
  }
  return enlarged.data;
}

/** Just what `interleaveDivided` makes of them where alpha is full: an opaque tile is that part of a whole that isn't. */
function putColours({ planes, data }: FloatPlanes, target: Pixels): void {
  const { channels, data: samples } = target;
  if (!(samples instanceof Float32Array)) {
    interleave(data, samples, channels, peakOf(depthOf(target)));
    return;
  }
  const area = target.width * target.height;
  for (let plane = 0; plane < planes; plane++) {
    for (let i = 0, at = plane; i < area; i++, at += channels) {
      samples[at] = clipped((data[plane * area + i] as number) / 255);
    }
  }
}

function putAlpha(alpha: number, { channels, data }: Pixels): void {
  for (let at = channels - 1; at < data.length; at += channels) data[at] = alpha;
}

/** Colours divided by alpha in 0..255; colour is 0 where alpha comes out as 0. */
function interleaveDivided({ planes, data }: FloatPlanes, alpha: Float32Array, target: Pixels): void {
  const { channels, data: samples } = target;
  const peak = peakOf(depthOf(target));
  const isFloat = depthOf(target) === "float";
  const area = alpha.length;
  for (let i = 0, at = 0; i < area; i++, at += channels) {
    const share = (alpha[i] as number) / 255;
    const sample = isFloat ? clipped(share) : rounded(share * peak, peak);
    samples[at + planes] = sample;
    if (sample === 0) continue;
    for (let plane = 0; plane < planes; plane++) {
      const value = (((data[plane * area + i] as number) / share) * peak) / 255;
      samples[at + plane] = isFloat ? clipped(value) : rounded(value, peak);
    }
  }
}

/** NaN becomes 0. */
const clipped = (value: number): number => (value > 0 ? Math.min(value, 1) : 0);
