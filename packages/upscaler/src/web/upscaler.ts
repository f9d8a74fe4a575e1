import type { Device } from "../engine/session.js";
import { type PixelSource, type Pixels, sourceInMemory } from "../images/pixels.js";
import type { PngMetadata } from "../images/png.js";
import { readNetworkFile } from "../loading/network-file.js";
import type { CreateSession } from "../tiling/tiled-network.js";
import { type EnlargedTile, gathered } from "../upscaling/bands.js";
import { loadNetwork, type NetworkOptions } from "../upscaling/load.js";
import { LoadedUpscaler } from "../upscaling/loaded-upscaler.js";
import type { Enlarged, UpscaleOptions } from "../upscaling/pixel-upscaler.js";
import { spooledInBlobs } from "./blob-pixels.js";
import { blobSink, imageBitmapOf, imageDataOf, sourceOf, type WebImage } from "./images.js";
import { type ModelSource, modelBytes, type SourceOptions } from "./model-source.js";
import type { WebSessionOptions } from "./options.js";
import { createSession } from "./session.js";
import { type StoredImage, storedImage } from "./stored-image.js";

/** WebAssembly's memory never shrinks, and pages of WebKit ended after some 500 runs on a graphics processor. */
const TILES_PER_SESSION = 256;

export interface LoadOptions extends NetworkOptions, SourceOptions, Pick<WebSessionOptions, "wasmPaths"> {}

export interface ImageOptions extends UpscaleOptions {
  /** What a PNG that comes out says beside its pixels. */
  readonly png?: PngMetadata | undefined;
}

/** What an image may come out as. */
export interface Forms {
  "image-data": ImageData;
  "image-bitmap": ImageBitmap;
  /** A PNG, of any size. */
  blob: Blob;
  pixels: Pixels;
}

/** What an image comes out as where nothing else is asked for: what it was, and an ImageBitmap of what is shown on the page. */
export type FormOf<I> = I extends Blob | PixelSource
  ? "blob"
  : I extends ImageData
    ? "image-data"
    : I extends Pixels
      ? "pixels"
      : "image-bitmap";

/**
 * Upscales images with a network, in a worker, in tiles.
 *
 * @example
 * const upscaler = await Upscaler.load("photo-x2");
 * const png = await upscaler.upscale(file, { to: "blob" });
 * upscaler.dispose();
 */
export class Upscaler extends LoadedUpscaler {
  /**
   * @param source the address of a model's file (.safetensors, .pth, .onnx), its bytes, a file that was picked, or the name of a model that ships
   * @throws CheckpointError or OnnxError where it can't be had or read; DeviceError where the engine's files aren't found or, if `strict`, the device fails
   */
  static async load(source: ModelSource, options: LoadOptions = {}): Promise<Upscaler> {
    const { wasmPaths } = options;
    const { bytes, name } = await modelBytes(source, options);
    const create: CreateSession = (onnx, session) =>
      createSession(onnx, wasmPaths === undefined ? session : { ...session, wasmPaths });
    const platform = {
      create,
      createForeign: create,
      autoDevice,
      tilesPerSession: TILES_PER_SESSION,
      spool: spooledInBlobs,
    };
    return new Upscaler(name, await loadNetwork(readNetworkFile(bytes, name, options), platform, options));
  }

  /** Fetches a model, so that loading it needs no network later on. */
  static async precache(address: string | URL, options: SourceOptions = {}): Promise<void> {
    await modelBytes(address, options);
  }

  /**
   * The image, larger. Images that are asked for together are computed in that order. A file that becomes a file keeps its profile and
   * EXIF (`png: { exif: undefined }` leaves it out), and a PNG its 16 bits; where that isn't possible `onNote` is told, and in all other
   * forms it is in sRGB, at 8 bits.
   * @throws ImageError where the browser can't decode the image; UsageError for sizes and qualities that aren't possible
   */
  async upscale<I extends WebImage | Pixels | PixelSource, F extends keyof Forms = FormOf<I>>(
    image: I,
    options: ImageOptions & { readonly to?: F } = {},
  ): Promise<Forms[F]> {
    const form = options.to ?? formOf(image);
    const isFile = image instanceof Blob && form === "blob";
    const { source, colours, exif, note }: StoredImage = isFile
      ? await storedImage(image)
      : { source: await opened(image) };
    if (note !== undefined) options.onNote?.(note);
    try {
      return (await this.#delivered(source, form, { ...options, png: { colours, exif, ...options.png } })) as Forms[F];
    } finally {
      await source.close?.();
    }
  }

  /** Parts of the image at the network's own scale, row by row, as they are computed. */
  async *tiles(image: WebImage | Pixels | PixelSource, options?: UpscaleOptions): AsyncGenerator<EnlargedTile> {
    const source = await opened(image);
    try {
      yield* this.pixels.tiles(source, options);
    } finally {
      await source.close?.();
    }
  }

  async #delivered(
    source: PixelSource,
    form: keyof Forms,
    { png, ...options }: ImageOptions,
  ): Promise<Forms[keyof Forms]> {
    const enlarged = this.pixels.enlarge(source, options);
    if (form === "blob") return pngOf(enlarged, source, png);
    const pixels = await gathered(enlarged.bands, enlarged.height);
    if (form === "pixels") return pixels;
    return form === "image-data" ? imageDataOf(pixels) : imageBitmapOf(pixels);
  }
}

/** A PNG that is made row by row. */
async function pngOf(
  { width, height, bands }: Enlarged,
  { channels, depth }: PixelSource,
  metadata?: PngMetadata,
): Promise<Blob> {
  const sink = blobSink({ width, height, channels, depth: depth === 8 ? 8 : 16 }, metadata);
  try {
    for await (const band of bands) await sink.write(band);
    await sink.end();
    return sink.blob();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

const isPixels = (image: WebImage | Pixels): image is Pixels => "channels" in image;

/** A source that is given stays open. */
async function opened(image: WebImage | Pixels | PixelSource): Promise<PixelSource> {
  if ("read" in image) return { ...image, close: async () => {} };
  return isPixels(image) ? sourceInMemory(image) : sourceOf(image);
}

function formOf(image: WebImage | Pixels | PixelSource): keyof Forms {
  if (image instanceof Blob || "read" in image) return "blob";
  if (image instanceof ImageData) return "image-data";
  return isPixels(image) ? "pixels" : "image-bitmap";
}

/** A graphics processor, where the browser has one. */
async function autoDevice(): Promise<Device> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  return (await gpu?.requestAdapter().catch(() => null)) ? "webgpu" : "cpu";
}
