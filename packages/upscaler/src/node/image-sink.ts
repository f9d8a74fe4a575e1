import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ImageError } from "@slimsr/core/internal/errors.js";
import { encodeBmp } from "../images/bmp.js";
import { type ByteSink, concatenated } from "../images/bytes.js";
import { uprightExif } from "../images/exif.js";
import { formatOfName, IMAGE_FORMATS, type ImageFormat } from "../images/format.js";
import {
  hasAlpha,
  type PixelLayout,
  type PixelSink,
  type Pixels,
  requireRows,
  rowsOf,
  SinkInMemory,
} from "../images/pixels.js";
import { type PngMetadata, pngSink } from "../images/png.js";
import { createDeflaterOf, nodeDeflater } from "./deflate.js";
import type { Animation, EncodeOptions } from "./encode-options.js";
import { encodeBySharp, type SharpFormat } from "./encoder.js";
import { fileSink } from "./file-sink.js";
import { loadSharp, reasonOf, spaceOf } from "./sharp.js";
import { temporaryFolder } from "./temporary-folder.js";

export interface WriteOptions extends EncodeOptions, PngMetadata {
  /** What the path's ending says where left out. */
  readonly format?: ImageFormat;
  /** Of an animation, of which the rows of all frames are written one after another. */
  readonly animation?: Animation | undefined;
}

/** The most pixels along a side. */
const MOST_PIXELS: Partial<Record<ImageFormat, number>> = { jpeg: 65_500, webp: 16_383, avif: 16_384, gif: 65_535 };
/** Bytes of pixels that lie in memory until they are encoded; more lie in a file. */
const MEMORY = 2 ** 26;

/**
 * A file of an image that is written row by row: PNG as rows come, the others when all are there, until when large ones lie in a file
 * among the system's temporary ones. PNG and TIFF keep 16 bits, and have them of floats; the others are rounded to 8.
 *
 * JPEG, PNG and TIFF of any size take little memory; WebP, AVIF and BMP are encoded in memory. TIFF, GIF and BMP go without EXIF.
 * @param target a path, which holds the old file or the whole new one at any time, or where bytes go
 * @param layout of the image, or of each frame
 * @throws ImageError, before anything is written, if the format can't hold the image: JPEG has no alpha, WebP no side over 16383
 * pixels, GIF and WebP alone have animations
 */
export async function imageSink(
  target: string | ByteSink,
  layout: PixelLayout,
  options: WriteOptions = {},
): Promise<PixelSink> {
  const format = options.format ?? formatOf(target);
  requireHeld(layout, format, options);
  const sharp = format === "png" || format === "bmp" ? undefined : await loadSharp();
  const out = typeof target === "string" ? await fileSink(target) : target;
  const exif = options.exif && uprightExif(options.exif, layout);
  if (format === "png") {
    return pngSink({ ...layout, depth: depthIn(format, layout) }, out, { ...options, exif, deflater: nodeDeflater });
  }
  if (!sharp || format === "bmp") return bmpSink(layout, out);
  return new SharpSink(sharp, format, layout, out, { ...options, exif });
}

function formatOf(target: string | ByteSink): ImageFormat {
  const format = typeof target === "string" ? formatOfName(target) : "png";
  if (format) return format;
  throw new ImageError(`${target}: the name must end in a known format: ${IMAGE_FORMATS.join(", ")}, jpg or tif`);
}

function requireHeld(layout: PixelLayout, format: ImageFormat, { animation, icc }: WriteOptions): void {
  const { width, height } = layout;
  if (format === "jpeg" && hasAlpha(layout)) {
    throw new ImageError("JPEG cannot hold transparency; write PNG, WebP, TIFF or AVIF, or drop the alpha channel");
  }
  const most = MOST_PIXELS[format] ?? Number.POSITIVE_INFINITY;
  if (Math.max(width, height) > most) {
    const reason = `${format.toUpperCase()} has at most ${most} pixels along a side`;
    throw new ImageError(`${width}×${height} pixels cannot be written: ${reason}; write PNG or TIFF`);
  }
  if (icc && format === "bmp") {
    throw new ImageError(
      'BMP cannot hold a profile; open the image with its metadata as "strip", or write another format',
    );
  }
  if (animation && format !== "gif" && format !== "webp") {
    throw new ImageError(`${format.toUpperCase()} cannot hold an animation; write GIF or WebP`);
  }
}

const depthIn = (format: ImageFormat, { depth }: PixelLayout): 8 | 16 =>
  depth !== 8 && (format === "png" || format === "tiff") ? 16 : 8;

function bmpSink(layout: PixelLayout, out: ByteSink): PixelSink {
  const collected = new SinkInMemory({ ...layout, depth: 8 });
  return {
    write: (rows) => collected.write(rows),
    abort: () => out.abort(),
    async end() {
      await collected.end();
      const { width, height, channels, data } = collected.pixels;
      await out.write(encodeBmp({ width, height, channels, depth: 8, data: data as Uint8Array }));
      await out.close();
    },
  };
}

/** Pixels for sharp, which takes no rows: a PNG that isn't compressed, with all that goes with them. */
interface Stage {
  readonly sink: PixelSink;
  /** Its bytes or path. */
  encoded(): Uint8Array | string;
}

class SharpSink implements PixelSink {
  readonly #sharp: Awaited<ReturnType<typeof loadSharp>>;
  readonly #format: SharpFormat;
  readonly #layout: PixelLayout & { readonly depth: 8 | 16 };
  readonly #out: ByteSink;
  readonly #options: WriteOptions;
  readonly #frames: number;
  readonly #stages: Stage[] = [];
  #folder: string | undefined;
  #written = 0;

  constructor(
    sharp: Awaited<ReturnType<typeof loadSharp>>,
    format: SharpFormat,
    layout: PixelLayout,
    out: ByteSink,
    options: WriteOptions,
  ) {
    this.#sharp = sharp;
    this.#format = format;
    this.#layout = { ...layout, depth: depthIn(format, layout) };
    this.#out = out;
    this.#options = options;
    this.#frames = options.animation?.delays.length ?? 1;
  }

  get #bytes(): number {
    const { width, height, channels, depth } = this.#layout;
    return (width * height * this.#frames * channels * depth) / 8;
  }

  async write(rows: Pixels): Promise<void> {
    const { height } = this.#layout;
    for (let top = 0; top < rows.height; ) {
      const inFrame = this.#written % height;
      if (inFrame === 0) this.#stages.push(await this.#newStage());
      const count = Math.min(rows.height - top, height - inFrame);
      const { sink } = this.#stages.at(-1) as Stage;
      await sink.write(rowsOf(rows, top, count));
      this.#written += count;
      top += count;
      if (this.#written % height === 0) await sink.end();
    }
  }

  async end(): Promise<void> {
    requireRows(this.#written, { ...this.#layout, height: this.#layout.height * this.#frames });
    try {
      await this.#encode();
    } finally {
      await this.#removeFolder();
    }
    await this.#out.close();
  }

  async abort(): Promise<void> {
    await this.#stages.at(-1)?.sink.abort();
    await this.#removeFolder();
    await this.#out.abort();
  }

  async #encode(): Promise<void> {
    const { width, height, channels, depth } = this.#layout;
    const stages = this.#stages.map((stage) => stage.encoded());
    const options = { limitInputPixels: false };
    const image =
      stages.length > 1
        ? this.#sharp(stages, { ...options, join: { animated: true } })
        : this.#sharp(stages[0], options);
    const { icc, exif, density } = this.#options;
    // GIF has no profile: its pixels are made sRGB's. Where nothing is to be kept libvips would still make EXIF of its own.
    const kept = this.#format === "gif" || (!icc && !exif && !density) ? image : image.keepMetadata();
    const encoder = encodeBySharp(
      kept.toColourspace(spaceOf(channels < 3, depth)),
      this.#format,
      { ...this.#options, bytes: this.#bytes },
      this.#options,
    );
    const fail = (error: unknown): never => {
      const format = this.#format.toUpperCase();
      throw new ImageError(`${width}×${height} pixels cannot be written as ${format}: ${reasonOf(error)}`, {
        cause: error,
      });
    };
    if (!this.#folder) {
      const bytes = await encoder.toBuffer().catch(fail);
      await this.#out.write(bytes as Uint8Array<ArrayBuffer>);
      return;
    }
    const path = join(this.#folder, `encoded.${this.#format}`);
    await encoder.toFile(path).catch(fail);
    for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 20 })) await this.#out.write(bytes);
  }

  async #newStage(): Promise<Stage> {
    const { icc, exif, density } = this.#options;
    const options = { icc, exif, density, deflater: createDeflaterOf(0), filters: false };
    if (this.#bytes <= MEMORY) {
      const parts: Uint8Array[] = [];
      const out: ByteSink = {
        write: async (bytes) => void parts.push(bytes),
        close: async () => {},
        abort: async () => {},
      };
      return { sink: pngSink(this.#layout, out, options), encoded: () => concatenated(parts) };
    }
    this.#folder ??= await temporaryFolder();
    const path = join(this.#folder, `${this.#stages.length}.png`);
    return { sink: pngSink(this.#layout, await fileSink(path), options), encoded: () => path };
  }

  async #removeFolder(): Promise<void> {
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }
}
