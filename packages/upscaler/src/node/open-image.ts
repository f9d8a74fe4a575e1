import { ImageError } from "@slimsr/core/internal/errors.js";
import type { Metadata, Sharp, SharpOptions } from "sharp";
import { bmpSize, decodeBmp } from "../images/bmp.js";
import { uprightExif } from "../images/exif.js";
import { formatOfBytes, type ImageFormat } from "../images/format.js";
import { mendedJpeg } from "../images/jpeg.js";
import { emptyPixels, type PixelSource, type Pixels, sourceInMemory } from "../images/pixels.js";
import { pngDensity } from "../images/png.js";
import type { Animation } from "./encoder.js";
import { type EncodedImage, type EncodedInput, readInput, wholeInput } from "./input.js";
import { decodeToFile } from "./pixel-file.js";
import { loadSharp, reasonOf, type Space, spaceOf } from "./sharp.js";
import { unusable } from "./temporary-folder.js";

/** Pixels that an image may have, all frames of an animation together, unless a caller allows more: as many as WebP can hold. */
export const DEFAULT_MAX_PIXELS = 16_383 ** 2;
/** Bytes that decoded pixels may take in memory; of larger images they lie in a file. */
const DEFAULT_MEMORY = 2 ** 26;

export interface OpenOptions {
  /** What messages call the image; the path where left out. */
  readonly name?: string;
  /** Images of more pixels are refused before they are unpacked. Default `DEFAULT_MAX_PIXELS`. */
  readonly maxPixels?: number;
  /**
   * `keep`: pixels are as the file has them and go with its profile. `strip`: they are converted to sRGB and nothing goes with
   * them. CMYK is converted either way. Default `keep`.
   */
  readonly metadata?: "keep" | "strip";
  /** Whether all frames of an animation are read, not the first alone. Default true. */
  readonly animated?: boolean;
  /** Bytes that decoded pixels may take in memory, above which they lie in a file among the system's temporary ones. Default 64 MiB. */
  readonly memory?: number;
}

/** What a file says beside its pixels. */
export interface ImageMetadata {
  readonly format: ImageFormat;
  /** The profile of the pixels, where they are not sRGB's or it is said that they are. */
  readonly icc?: Uint8Array | undefined;
  /** EXIF of upright pixels. */
  readonly exif?: Uint8Array<ArrayBuffer> | undefined;
  /** Pixels per inch. */
  readonly density?: number | undefined;
  /** How the file has its pixels, as EXIF counts: 1 is upright. Those that are read are upright. */
  readonly orientation: number;
  /** Pictures in the file. Of those that are no animation the first is read. */
  readonly pages: number;
  /** Of an animation. */
  readonly animation?: Animation | undefined;
  /** Whether the file has a palette; pixels are its colours. */
  readonly isPalette: boolean;
  /** Whether the file is CMYK, of which the pixels are sRGB's. */
  readonly isCmyk: boolean;
}

export interface OpenedImage {
  /** One, or those of an animation, all of one size. */
  readonly frames: readonly PixelSource[];
  readonly metadata: ImageMetadata;
  /** Frees the pixels of all frames. */
  close(): Promise<void>;
}

/**
 * Opens a PNG, JPEG, WebP, TIFF, AVIF, GIF or BMP, whatever it is called, and reads it band by band.
 *
 * Samples are those stored, of 8 or 16 bits; palettes and grey of fewer bits are expanded. EXIF's orientation is applied. JPEG, PNG
 * and TIFF of any size take little memory; WebP, AVIF, progressive JPEGs and interlaced PNGs are unpacked there as a whole by
 * their decoders.
 * @param source a path, a file's bytes, a Blob or a stream of bytes
 * @throws ImageError if it can't be read, is damaged, not supported or larger than `maxPixels`, or if sharp isn't installed
 */
export async function openImage(source: EncodedImage, options: OpenOptions = {}): Promise<OpenedImage> {
  return openInput(await readInput(source, options.maxPixels ?? DEFAULT_MAX_PIXELS, options.name), options);
}

/** As `openImage`. */
export async function openInput(input: EncodedInput, options: OpenOptions): Promise<OpenedImage> {
  const { name } = input;
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const format = formatOfBytes(input.head, name);
  if (format === "bmp") return openBmp(await wholeInput(input), name, maxPixels);
  try {
    return await unpack(input, format, maxPixels, options);
  } catch (error) {
    if (format !== "jpeg" || !(error instanceof ImageError)) throw error;
    const mended = mendedJpeg(await wholeInput(input));
    if (mended === undefined) throw error;
    return unpack({ name, head: mended, bytes: mended }, format, maxPixels, options);
  }
}

function openBmp(bytes: Uint8Array, name: string, maxPixels: number): OpenedImage {
  const { width, height } = bmpSize(bytes, name);
  requireFewer(width, height, name, maxPixels);
  const metadata = {
    format: "bmp",
    orientation: 1,
    pages: 1,
    isPalette: (bytes[28] ?? 0) <= 8,
    isCmyk: false,
  } as const;
  return { frames: [sourceInMemory(decodeBmp(bytes, name))], metadata, close: async () => {} };
}

async function unpack(
  input: EncodedInput,
  format: ImageFormat,
  maxPixels: number,
  { metadata: wanted = "keep", animated = true, memory = DEFAULT_MEMORY }: OpenOptions,
): Promise<OpenedImage> {
  const { name } = input;
  const sharp = await loadSharp();
  const encoded = input.bytes ?? input.path;
  const fail = (error: unknown) => damaged(name, format, error);
  const read: Metadata = await sharp(encoded, { limitInputPixels: false }).metadata().catch(fail);
  const { width, height, pages = 1 } = read;
  const frames = animated && (format === "gif" || format === "webp") ? pages : 1;
  // Players of animations don't turn them.
  const orientation = frames > 1 ? 1 : (read.orientation ?? 1);
  requireFewer(width, height * frames, name, maxPixels);
  const space = storedSpace(read, name);
  const isCmyk = read.space === "cmyk";
  const keep = wanted === "keep" && !isCmyk;
  const options: SharpOptions = { limitInputPixels: maxPixels, animated: frames > 1 };
  const colours = inColours(sharp(encoded, options), read, keep);

  const bytes = width * height * frames * read.channels * (space.endsWith("16") ? 2 : 1);
  const source = await (bytes > memory
    ? decodeToFile(colours, space, orientation)
    : decodeToMemory(orientation > 1 ? colours.autoOrient() : colours, space, read.hasAlpha)
  ).catch(fail);
  const size = { width: source.width, height: source.height / frames };
  return {
    frames: frames === 1 ? [source] : Array.from({ length: frames }, (_, i) => frameOf(source, i, size.height)),
    metadata: {
      format,
      orientation,
      pages,
      isPalette: read.isPalette,
      isCmyk,
      ...(frames > 1 && { animation: { delays: read.delay ?? [], loop: read.loop ?? 0 } }),
      ...(keep && {
        icc: read.icc,
        exif: read.exif && uprightExif(read.exif, size),
        density: read.density ?? (format === "png" ? pngDensity(input.head) : undefined),
      }),
    },
    close: async () => source.close?.(),
  };
}

/** libvips' name for what the pixels are to be: grey or colour, of 8 or 16 bits. */
function storedSpace({ depth, space }: Metadata, name: string): Space {
  const isWide = depth === "ushort";
  if ((!isWide && depth !== "uchar") || !["srgb", "rgb", "b-w", "rgb16", "grey16", "cmyk"].includes(space)) {
    throw new ImageError(
      `${name}: samples of type ${depth} in colour space ${space} are not supported; convert the image to 8- or 16-bit RGB or grey`,
    );
  }
  return spaceOf(space === "b-w" || space === "grey16", isWide ? 16 : 8);
}

function inColours(image: Sharp, { space, hasProfile }: Metadata, keep: boolean): Sharp {
  if (keep) return image.keepIccProfile();
  // sharp converts 16 bits to Display P3, whose profile it then drops.
  return space === "rgb16" && hasProfile ? image.withIccProfile("srgb") : image;
}

async function decodeToMemory(image: Sharp, space: Space, hasAlpha: boolean): Promise<PixelSource> {
  const isWide = space.endsWith("16");
  // sharp drops the alpha of 8-bit grey, but not once it is RGB.
  const isReplicated = space === "b-w" && hasAlpha;
  const { data, info } = await image
    .toColourspace(isReplicated ? "srgb" : space)
    .raw({ depth: isWide ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const samples = isWide
    ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
    : new Uint8Array(data.buffer, data.byteOffset, data.length);
  const pixels = {
    width: info.width,
    height: info.height,
    channels: info.channels as Pixels["channels"],
    data: samples,
  };
  return sourceInMemory(isReplicated ? firstAndAlpha(pixels) : pixels);
}

function firstAndAlpha({ width, height, channels, data }: Pixels): Pixels {
  const kept = emptyPixels({ width, height, channels: 2, depth: 8 });
  for (let pixel = 0; pixel < width * height; pixel++) {
    kept.data[pixel * 2] = data[pixel * channels] as number;
    kept.data[pixel * 2 + 1] = data[(pixel + 1) * channels - 1] as number;
  }
  return kept;
}

/** Frames lie one below the other. */
function frameOf(all: PixelSource, index: number, height: number): PixelSource {
  const { width, channels, depth } = all;
  return { width, height, channels, depth, read: (top, rows) => all.read(index * height + top, rows) };
}

function requireFewer(width: number, height: number, name: string, maxPixels: number): void {
  if (width * height > maxPixels) {
    throw new ImageError(
      `${name}: ${width}×${height} are ${width * height} pixels, more than the limit of ${maxPixels}; raise the limit (maxPixels, --max-pixels) if the image is to be trusted`,
    );
  }
}

function damaged(name: string, format: ImageFormat, error: unknown): never {
  if (error instanceof ImageError) throw error;
  const reason = reasonOf(error);
  if (/no space left/i.test(String(error))) unusable("no space is left", error);
  throw new ImageError(
    `${name}: damaged or not supported ${format.toUpperCase()} (${reason}); copy it anew from its source or convert it to PNG`,
    { cause: error },
  );
}
