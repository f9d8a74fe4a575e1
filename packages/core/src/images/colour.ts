import { type FloatPlanes, resizePlanesBicubic } from "./bicubic.js";
import { type Image, imageOf, peak, samples } from "./image.js";

/** What planes hold: red, green and blue; the Y of MATLAB's rgb2ycbcr; or grey in full swing. */
export type ColourSpace = "rgb" | "luma" | "grey";

/** Weights of red, green and blue in Y, of samples in 0..1; an offset of 16 comes on top. */
const [RED, GREEN, BLUE] = [65.481, 128.553, 24.966];

/**
 * The Y of MATLAB's rgb2ycbcr (ITU-R BT.601, studio swing), not rounded: 16 (black) .. 235 (white). Grey counts as RGB with equal
 * channels, so that v of 255 gives 16 + 219/255 · v; alpha is ignored; 16-bit samples count as if scaled to 0..255.
 * @returns height · width values
 */
export function lumaPlane(image: Image): Float64Array {
  const { data, channels } = image;
  const top = peak(image.depth);
  const plane = new Float64Array(image.width * image.height);
  const green = channels >= 3 ? 1 : 0;
  const blue = channels >= 3 ? 2 : 0;
  for (let i = 0, at = 0; i < plane.length; i++, at += channels) {
    const weighted =
      RED * (data[at] as number) + GREEN * (data[at + green] as number) + BLUE * (data[at + blue] as number);
    plane[i] = 16 + weighted / top;
  }
  return plane;
}

/** `lumaPlane` of planes of red, green and blue in 0..255, which may lie beyond. */
export function lumaOfRgb({ width, height, data }: FloatPlanes): FloatPlanes<Float32Array<ArrayBuffer>> {
  const area = width * height;
  const luma = new Float32Array(area);
  for (let i = 0; i < area; i++) {
    const [red, green, blue] = [data[i] as number, data[area + i] as number, data[2 * area + i] as number];
    luma[i] = 16 + (RED * red + GREEN * green + BLUE * blue) / 255;
  }
  return { planes: 1, width, height, data: luma };
}

/** What Y of MATLAB's rgb2ycbcr spans, black to white. */
const SWING = 219;

/** `lumaOfRgb` of a grey plane in 0..255, whose red, green and blue are equal. */
export const lumaOfGrey = (grey: FloatPlanes): FloatPlanes<Float32Array<ArrayBuffer>> => ({
  ...grey,
  data: Float32Array.from(grey.data, (value) => 16 + (value * SWING) / 255),
});

/** The inverse of `lumaOfGrey`. */
export const greyOfLuma = (luma: FloatPlanes): FloatPlanes<Float32Array<ArrayBuffer>> => ({
  ...luma,
  data: Float32Array.from(luma.data, (value) => ((value - 16) * 255) / SWING),
});

/** Weights of red, green and blue in Rec. 601's luma in full swing. */
const GREY_WEIGHTS = [0.299, 0.587, 0.114] as const;

/** Rec. 601's luma in full swing of planes of red, green and blue, not rounded. */
export function greyOfRgb({ width, height, data }: FloatPlanes): FloatPlanes<Float32Array<ArrayBuffer>> {
  const area = width * height;
  const grey = new Float32Array(area);
  const [red, green, blue] = GREY_WEIGHTS;
  for (let i = 0; i < area; i++) {
    grey[i] = red * (data[i] as number) + green * (data[area + i] as number) + blue * (data[2 * area + i] as number);
  }
  return { planes: 1, width, height, data: grey };
}

/** What a network of the colour space takes of an image's planes: luma of red, green and blue, or the planes as they are. */
export const inColourSpace = (space: ColourSpace, image: FloatPlanes): FloatPlanes =>
  space === "luma" && image.planes === 3 ? lumaOfRgb(image) : image;

/**
 * Red, green and blue of a luma plane and the chroma of a smaller image enlarged by MATLAB's bicubic, as networks of luma are used.
 * Both transforms are linear, and a difference in Y adds 255/219 of itself to each colour.
 * @param luma [s·h, s·w] @param small red, green and blue [h, w] in 0..255
 * @returns planes in 0..255, which may lie beyond
 */
export function withBicubicChroma(luma: FloatPlanes, small: FloatPlanes): FloatPlanes {
  const enlarged = resizePlanesBicubic(small, luma.width / small.width);
  const own = lumaOfRgb(enlarged);
  const area = own.data.length;
  const data = enlarged.data.map((value, i) => {
    const at = i % area;
    return value + (((luma.data[at] as number) - (own.data[at] as number)) * 255) / SWING;
  });
  return { ...enlarged, data };
}

/**
 * An image in grey, by Rec. 601's luma in full swing, rounded: what networks of grey images are given.
 * One that is grey is returned as it is; alpha is dropped.
 */
export function toGrey(image: Image): Image {
  const { width, height, channels, data, depth } = image;
  if (channels === 1) return image;
  const grey = samples(depth, width * height);
  const [red, green, blue] = GREY_WEIGHTS;
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    grey[i] =
      channels === 2
        ? (data[at] as number)
        : Math.round(red * (data[at] as number) + green * (data[at + 1] as number) + blue * (data[at + 2] as number));
  }
  return imageOf(width, height, 1, grey);
}
