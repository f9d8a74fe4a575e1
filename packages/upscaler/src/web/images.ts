import { ImageError } from "@slimsr/core/internal/errors.js";
import type { ByteSink } from "../images/bytes.js";
import { storedDeflater } from "../images/deflate.js";
import { uprightExif } from "../images/exif.js";
import { declaredSize, endsEarly } from "../images/header.js";
import { emptyPixels, type PixelSink, type PixelSource, type Pixels, toDepth } from "../images/pixels.js";
import { type PngLayout, type PngOptions, pngSink } from "../images/png.js";
import { BitmapReader } from "./bitmap-reader.js";

/** What a page or a worker has of an image. */
export type WebImage =
  | Blob
  | ImageData
  | ImageBitmap
  | HTMLCanvasElement
  | OffscreenCanvas
  | VideoFrame
  | HTMLImageElement
  | HTMLVideoElement;

/** Rows that are looked at at once. */
const BAND = 256;

/**
 * Reads an image as it looks, upright, in sRGB, at 8 bits: grey where it has no colour, with alpha where it can be seen through.
 * A canvas, a video and a Blob are read as they are now; an ImageData or ImageBitmap must stay as it is, and a bitmap open.
 * @throws ImageError where the browser can't decode a Blob, the Blob breaks off or declares more pixels than there is room for, or the image has no pixels
 * @param isColour whether it is RGB even where it has no colour
 */
export async function sourceOf(image: WebImage, isColour = false): Promise<PixelSource> {
  if (image instanceof ImageData && image.colorSpace === "srgb" && image.data instanceof Uint8ClampedArray) {
    const { width, height, data } = image;
    return narrowed({ width, height }, async (top, rows) => data.subarray(top * width * 4, (top + rows) * width * 4));
  }
  const bitmap = image instanceof ImageBitmap ? image : await bitmapOf(image);
  const reader = new BitmapReader(bitmap);
  const { width, height } = bitmap;
  if (width === 0) throw new ImageError("the ImageBitmap is closed; expected one that is open");
  const source = await narrowed({ width, height }, (top, rows) => reader.read(top, rows), isColour);
  return { ...source, close: async () => (bitmap === image ? undefined : bitmap.close()) };
}

/** Pixels that a browser has room for, with those that are made of them beside them. */
const MOST_PIXELS = 2 ** 28;

/**
 * A file's bytes. Browsers show a part of what ends early, and end themselves where a file of some bytes says that its image is huge.
 * @throws ImageError for both
 */
export async function wholeBytes(file: Blob): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const size = declaredSize(bytes);
  if (size && size.width * size.height > MOST_PIXELS) {
    throw new ImageError(
      `the image has ${size.width}×${size.height} pixels, more than a page has room for (${Math.round(MOST_PIXELS / 1e6)} million); slimsr upscale takes it`,
    );
  }
  if (endsEarly(bytes)) {
    throw new ImageError(`the image's file breaks off after ${file.size} bytes; get it again from where it came`);
  }
  return bytes;
}

/**
 * Upright, in sRGB.
 * @param colorSpaceConversion `none` leaves samples as the file has them @throws as `sourceOf`
 */
export async function bitmapOf(
  image: Exclude<WebImage, ImageBitmap>,
  colorSpaceConversion: ColorSpaceConversion = "default",
): Promise<ImageBitmap> {
  if (image instanceof Blob) await wholeBytes(image);
  try {
    return await createImageBitmap(image, {
      premultiplyAlpha: "none",
      colorSpaceConversion,
      imageOrientation: "from-image",
    });
  } catch (error) {
    const what = image instanceof Blob ? `a Blob of type "${image.type}" and ${image.size} bytes` : `${image}`;
    throw new ImageError(
      `${what} can't be read (${(error as Error).message}); expected an image that the browser shows`,
      {
        cause: error,
      },
    );
  }
}

type ReadRgba = (top: number, rows: number) => Promise<Uint8ClampedArray>;

/** With as many channels as it takes. */
async function narrowed(
  { width, height }: Pick<Pixels, "width" | "height">,
  read: ReadRgba,
  isColour = false,
): Promise<PixelSource> {
  let [isGrey, isOpaque] = [!isColour, true];
  for (let top = 0; top < height && (isGrey || isOpaque); top += BAND) {
    const data = await read(top, Math.min(BAND, height - top));
    for (let at = 0; at < data.length && (isGrey || isOpaque); at += 4) {
      isGrey &&= data[at] === data[at + 1] && data[at] === data[at + 2];
      isOpaque &&= data[at + 3] === 255;
    }
  }
  const channels = isGrey ? (isOpaque ? 1 : 2) : isOpaque ? 3 : 4;
  return {
    width,
    height,
    channels,
    depth: 8,
    async read(top, rows) {
      const data = await read(top, rows);
      if (channels === 4) return { data, width, height: rows, channels };
      const pixels = emptyPixels({ width, height: rows, channels, depth: 8 });
      for (let from = 0, to = 0; from < data.length; from += 4) {
        for (let c = 0; c < channels; c++) {
          pixels.data[to++] = data[from + (channels === 2 && c === 1 ? 3 : c)] as number;
        }
      }
      return pixels;
    },
  };
}

/** Pixels as a canvas takes them, rounded to 8 bits. */
export function imageDataOf(pixels: Pixels): ImageData {
  const { width, height, channels } = pixels;
  const { data } = toDepth(pixels, 8);
  const image = new ImageData(width, height);
  const isGrey = channels < 3;
  const isOpaque = channels % 2 === 1;
  for (let from = 0, to = 0; from < data.length; from += channels, to += 4) {
    for (let c = 0; c < 3; c++) image.data[to + c] = data[from + (isGrey ? 0 : c)] as number;
    image.data[to + 3] = isOpaque ? 255 : (data[from + channels - 1] as number);
  }
  return image;
}

/**
 * Pixels as a bitmap in sRGB, rounded to 8 bits.
 * @param colours what the pixels' are, as chunks of a PNG; sRGB's where left out
 */
export async function imageBitmapOf(pixels: Pixels, colours?: Uint8Array): Promise<ImageBitmap> {
  const options = { premultiplyAlpha: "none" } as const;
  if (!colours) return createImageBitmap(imageDataOf(pixels), options);
  // What profiles say browsers know, of files.
  return createImageBitmap(await quickPng(pixels, colours), options);
}

/** A PNG that is quickly made and read, of 8 bits. */
export async function quickPng(pixels: Pixels, colours: Uint8Array): Promise<Blob> {
  const sink = blobSink({ ...pixels, depth: 8 }, { colours, deflater: storedDeflater, filters: false });
  await sink.write(pixels);
  await sink.end();
  return sink.blob();
}

export interface BlobSink extends PixelSink {
  /** The PNG, when it was ended. */
  blob(): Blob;
}

/** Bytes that a page holds before the browser has them. */
const HELD = 2 ** 22;

/** A PNG that is written row by row into a Blob. EXIF goes into it as that of these pixels, which are upright. */
export function blobSink(layout: PngLayout, options: PngOptions = {}): BlobSink {
  const exif = options.exif && uprightExif(options.exif, layout);
  const parts: Blob[] = [];
  let held: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const settle = () => {
    parts.push(new Blob(held));
    held = [];
    bytes = 0;
  };
  const out: ByteSink = {
    async write(part) {
      held.push(part);
      bytes += part.length;
      if (bytes >= HELD) settle();
    },
    close: async () => settle(),
    async abort() {
      parts.length = 0;
      held = [];
    },
  };
  const sink = pngSink(layout, out, { ...options, exif });
  return {
    write: (rows) => sink.write(rows),
    end: () => sink.end(),
    abort: () => sink.abort(),
    blob: () => new Blob(parts, { type: "image/png" }),
  };
}
