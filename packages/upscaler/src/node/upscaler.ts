import { ImageError } from "@slimsr/core/internal/errors.js";
import type { ByteSink } from "../images/bytes.js";
import { formatOfName, type ImageFormat } from "../images/format.js";
import { type PixelSink, type Pixels, sourceInMemory } from "../images/pixels.js";
import { readNetworkFile } from "../loading/network-file.js";
import { type EnlargedTile, gathered } from "../upscaling/bands.js";
import { loadNetwork, type NetworkOptions, type Platform } from "../upscaling/load.js";
import { LoadedUpscaler } from "../upscaling/loaded-upscaler.js";
import { planSize } from "../upscaling/output-size.js";
import type { UpscaleOptions } from "../upscaling/pixel-upscaler.js";
import { silence } from "./engine.js";
import { externalBeside } from "./external.js";
import { imageSink, type WriteOptions } from "./image-sink.js";
import type { EncodedImage } from "./input.js";
import { type ModelSource, modelBytes, type SourceOptions } from "./model-source.js";
import { type OpenedImage, type OpenOptions, openImage } from "./open-image.js";
import { createProcessSession } from "./process-session.js";
import { createSession } from "./session.js";

export interface LoadOptions extends NetworkOptions, SourceOptions {}

/** How an image's file is read and written. */
export interface FileOptions
  extends UpscaleOptions,
    Pick<OpenOptions, "maxPixels" | "metadata" | "animated">,
    Pick<WriteOptions, "chroma" | "lossless"> {
  /** By default what the output's name says, or what the input is. */
  readonly format?: ImageFormat | undefined;
  /** Of JPEG, WebP and AVIF, 1 to 100; 95 by default. */
  readonly formatQuality?: number | undefined;
}

/** What became of an image. */
export interface UpscaledFile {
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  /** Pictures of an animation; 1 of others. */
  readonly frames: number;
}

const platform: Platform = {
  create: createSession,
  createForeign: createProcessSession,
  autoDevice: async () => "cpu",
};

/**
 * Upscales images with a network, in memory that doesn't grow with them.
 *
 * @example
 * const upscaler = await Upscaler.load("photo-x2");
 * await upscaler.upscaleFile("small.jpg", "large.png");
 * await upscaler.dispose();
 */
export class Upscaler extends LoadedUpscaler {
  /**
   * @param source the path or address of a model's file (.safetensors, .pth, .onnx), its bytes, or the name of one that ships
   * @throws CheckpointError or OnnxError where it can't be had or read; DeviceError where no engine is installed or, if `strict`, the device fails
   */
  static async load(source: ModelSource, options: LoadOptions = {}): Promise<Upscaler> {
    // An engine that the caller has loaded reports its use too, unless it is told not to before its first session.
    if (options.engine) await silence();
    const { bytes, name, path } = await modelBytes(source, options);
    const file = readNetworkFile(bytes, name, options, path === undefined ? undefined : externalBeside(path));
    return new Upscaler(name, await loadNetwork(file, platform, options));
  }

  /** Fetches a model, so that loading it needs no network later on. */
  static async precache(address: string | URL, options: SourceOptions = {}): Promise<void> {
    await modelBytes(address, options);
  }

  /**
   * The image, larger: pixels of pixels, of a file's bytes or path the bytes of a file. Images that are asked for together are computed in that order.
   * @throws ImageError where the image is damaged, too large or can't be held by the format; UsageError for sizes and qualities that aren't possible
   */
  upscale(image: Pixels, options?: UpscaleOptions): Promise<Pixels>;
  upscale(image: EncodedImage, options?: FileOptions): Promise<Buffer>;
  async upscale(image: Pixels | EncodedImage, options: FileOptions = {}): Promise<Pixels | Buffer> {
    if (isPixels(image)) {
      const { bands, height } = this.pixels.enlarge(sourceInMemory(image), options);
      return gathered(bands, height);
    }
    const parts: Uint8Array[] = [];
    await this.#throughFile(image, collecting(parts), options);
    return Buffer.concat(parts);
  }

  /** Parts of the image at the network's own scale, row by row, as they are computed. */
  tiles(image: Pixels, options?: UpscaleOptions): AsyncGenerator<EnlargedTile> {
    return this.pixels.tiles(sourceInMemory(image), options);
  }

  /**
   * From a file to a file, whose name's ending tells the format; rows stream through. The output holds its old file or the whole new one at any time.
   * @throws as `upscale`; ImageError where the output can't be written
   */
  upscaleFile(input: EncodedImage, output: string | ByteSink, options: FileOptions = {}): Promise<UpscaledFile> {
    return this.#throughFile(input, output, options);
  }

  async #throughFile(input: EncodedImage, output: string | ByteSink, options: FileOptions): Promise<UpscaledFile> {
    const opened = await openImage(input, options);
    try {
      return await this.#write(opened, output, options);
    } finally {
      await opened.close();
    }
  }

  async #write(
    { frames, metadata }: OpenedImage,
    output: string | ByteSink,
    { formatQuality, chroma, lossless, ...options }: FileOptions,
  ): Promise<UpscaledFile> {
    const [first] = frames;
    if (!first) throw new ImageError("the image has no frames");
    const named = typeof output === "string" ? formatOfName(output) : undefined;
    const format = options.format ?? named ?? metadata.format;
    const { size } = planSize(first, this.scale, options);
    const { icc, exif, density, animation } = metadata;
    const sink = await imageSink(
      output,
      { ...size, channels: first.channels, depth: first.depth },
      {
        ...{ format, icc, exif, density, animation },
        ...(formatQuality !== undefined && { quality: formatQuality }),
        ...(chroma !== undefined && { chroma }),
        ...(lossless !== undefined && { lossless }),
      },
    );
    try {
      for (const frame of frames) await this.#rows(frame, sink, options);
      await sink.end();
    } catch (error) {
      await sink.abort();
      throw error;
    }
    return { ...size, format, frames: frames.length };
  }

  async #rows(frame: OpenedImage["frames"][number], sink: PixelSink, options: UpscaleOptions): Promise<void> {
    for await (const band of this.pixels.enlarge(frame, options).bands) await sink.write(band);
  }
}

const isPixels = (image: Pixels | EncodedImage): image is Pixels =>
  typeof image === "object" && "channels" in image && "data" in image;

const collecting = (parts: Uint8Array[]): ByteSink => ({
  write: async (bytes) => {
    parts.push(bytes);
  },
  close: async () => {},
  abort: async () => {},
});
