import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Deployment, DeploymentCost } from "@slimsr/core/internal/export/deployment.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { Device } from "../engine/session.js";
import { layersOf, pixelsOf } from "../images/layers.js";
import { cropPixels, type PixelSource, type Pixels, toDepth } from "../images/pixels.js";
import type { Planes } from "../images/planes.js";
import { resizedBands } from "../images/resize.js";
import type { Deviation, Plan } from "../tiling/plan.js";
import { bandsOf, type EnlargedTile, type Spool, spooled, TileReader } from "./bands.js";
import type { DeviceNetwork } from "./device-network.js";
import { meansOfLayers, partOf } from "./means-of-layers.js";
import { type OutputSize, planSize } from "./output-size.js";

/** What a run may be told. */
export interface UpscaleOptions extends OutputSize {
  /** Stops before the next tile, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each tile. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** The share of the full network's channels that computes this image: one of `qualities`. */
  readonly quality?: number | undefined;
  /** The mean of the eight turned and flipped images' outputs: better by little, in eight times the time. */
  readonly selfEnsemble?: boolean | undefined;
  /** Told where the result isn't just what the network makes of the whole image. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface Progress {
  /** Tiles that are done, and all. */
  readonly done: number;
  readonly total: number;
}

/** What it takes to make an image larger. `width` and `height` are those of the result. */
export interface UpscalingWork extends Size {
  /** Each time that the network runs on all of the image: tiles, and the pixels that they have together, overlaps counted twice. */
  readonly passes: readonly { readonly tiles: number; readonly pixels: number }[];
}

/** An enlarged image, its bands from the top. */
export interface Enlarged extends Size {
  readonly bands: AsyncIterable<Pixels>;
}

const NOTES: Readonly<Record<Deviation, string>> = {
  tiled: "the network looks at the whole image, and there is memory for parts of it alone: each is computed by itself",
  padded: "the image is smaller than what the network takes: its borders were repeated",
};

const IN_PASSES =
  "the network looks at the whole image, and there is memory for parts of it alone: what it takes of the whole is computed first, in " +
  "several passes; with more memory there is one";

/** Compiles the network of a quality. @param source the first image, where there is one */
export type Opener = (quality: number, source: PixelSource | undefined) => Promise<DeviceNetwork>;

/** Networks of some qualities, for pixels of any size, one image after another. */
export class PixelUpscaler {
  readonly #open: Opener;
  readonly #networks = new Map<number, Promise<DeviceNetwork>>();
  #quality: number;
  #device: Device;
  #queue: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  /**
   * @param qualities from the best @param network what they have in common
   * @param open compiles one of them
   */
  constructor(
    readonly qualities: readonly number[],
    private readonly network: Pick<Deployment, "scale" | "channels">,
    device: Device,
    open: Opener,
    /** What a quality's network takes; null where its operators aren't known here. */
    readonly costOf: (quality: number) => DeploymentCost | null,
    /** Puts down what the network is run on once more. */
    private readonly spool: Spool = spooled,
  ) {
    this.#quality = qualities[0] as number;
    this.#device = device;
    this.#open = open;
  }

  get scale(): number {
    return this.network.scale;
  }

  /** Channels of the images that the network takes. */
  get channels(): number {
    return this.network.channels.input;
  }

  /** That of images which don't say another. */
  get quality(): number {
    return this.#quality;
  }

  set quality(quality: number) {
    this.#require(quality);
    this.#quality = quality;
  }

  /** Where the last image was computed, or the next will be. */
  get device(): Device {
    return this.#device;
  }

  /**
   * A quality's network, compiled when it is first asked for.
   * @param source the image that it is for
   * @throws UsageError where the file has no such quality
   */
  async networkOf(quality = this.#quality, source?: PixelSource): Promise<DeviceNetwork> {
    if (this.#isDisposed) throw new UsageError("the upscaler is disposed of; load another");
    this.#require(quality);
    const opening = this.#networks.get(quality) ?? this.#open(quality, source);
    this.#networks.set(quality, opening);
    try {
      const network = await opening;
      this.#device = network.device;
      return network;
    } catch (error) {
      this.#networks.delete(quality);
      throw error;
    }
  }

  /**
   * The image, enlarged as its bands are asked for. One image is computed at a time: the bands of one are to be read to their end, or
   * returned early, before those of the next come.
   * @throws UsageError for a size or quality that isn't possible, at once
   */
  enlarge(source: PixelSource, options: UpscaleOptions = {}): Enlarged {
    const { passes, size } = planSize(source, this.scale, options);
    return { ...size, bands: this.#inTurn(() => this.#bands(source, passes, size, options)) };
  }

  /**
   * What `enlarge` has to do for an image of a size.
   * @throws as `enlarge`
   */
  async workOf(
    image: Size,
    { quality, ...output }: OutputSize & Pick<UpscaleOptions, "quality">,
  ): Promise<UpscalingWork> {
    const { passes, size } = planSize(image, this.scale, output);
    const network = await this.networkOf(quality);
    const planned = Array.from({ length: passes }, (_, pass) => {
      const grown = this.scale ** pass;
      const { tiles } = network.plan({ width: image.width * grown, height: image.height * grown });
      return { tiles: tiles.length, pixels: tiles.reduce((sum, { input }) => sum + input.width * input.height, 0) };
    });
    return { ...size, passes: planned };
  }

  /** Tiles of the image at the network's own scale, row by row. */
  tiles(source: PixelSource, options: UpscaleOptions = {}): AsyncGenerator<EnlargedTile> {
    return this.#inTurn(() => this.#tiles(source, options, { done: 0, total: 0 }));
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.#queue;
    for (const opening of this.#networks.values())
      await opening.then((network) => network.close()).catch(() => undefined);
    this.#networks.clear();
  }

  #require(quality: number): void {
    if (this.qualities.includes(quality)) return;
    throw new UsageError(`quality ${quality} isn't in the file; it has ${this.qualities.join(", ")}`);
  }

  /** What others were asked for before comes first. */
  async *#inTurn<T>(work: () => AsyncGenerator<T>): AsyncGenerator<T> {
    const before = this.#queue;
    let end: () => void = () => undefined;
    this.#queue = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      await before;
      yield* work();
    } finally {
      end();
    }
  }

  async *#bands(source: PixelSource, passes: number, size: Size, options: UpscaleOptions): AsyncGenerator<Pixels> {
    const progress = { done: 0, total: 0 };
    let image = source;
    for (let pass = 1; ; pass++) {
      const width = image.width * this.scale;
      const height = image.height * this.scale;
      const isLast = pass === passes;
      const isWhole = isLast && width === size.width && height === size.height;
      // What is worked on further keeps 16 bits at least.
      const fine = isWhole || image.depth !== 8 ? image : deepened(image);
      const bands = bandsOf(this.#tiles(fine, options, progress), width);
      if (isWhole) return yield* bands;
      if (isLast) {
        for await (const band of resizedBands(bands, { width, height }, size)) yield toDepth(band, source.depth);
        return;
      }
      image = await this.spool(bands, height);
    }
  }

  async *#tiles(
    source: PixelSource,
    { quality, signal, selfEnsemble = false, onProgress, onNote }: UpscaleOptions,
    progress: { done: number; total: number },
  ): AsyncGenerator<EnlargedTile> {
    signal?.throwIfAborted();
    const network = await this.networkOf(quality, source);
    const { tiles, deviation, pooling }: Plan = network.plan(source);
    const noted = new Set<Deviation>();
    const note = (which: Deviation | undefined) => {
      if (which && !noted.has(which)) onNote?.(NOTES[which]);
      if (which) noted.add(which);
    };
    note(deviation);
    const colour = colourSpaceOf(this.network);
    const done = () => {
      progress.done++;
      onProgress?.({ ...progress });
    };
    const begun = () => {
      progress.total += tiles.length;
    };
    if (pooling) onNote?.(IN_PASSES);
    const means =
      pooling &&
      (await meansOfLayers(network, source, {
        ...{ tiles, pooling, colour, selfEnsemble, signal, onPass: begun, onTile: done },
      }));
    const reader = new TileReader(source);
    begun();
    for (const tile of tiles) {
      const { input, core } = tile;
      const pixels = await reader.read(tile);
      const results: Planes[] = [];
      let milliseconds = 0;
      for (const [i, layer] of layersOf(pixels, colour).entries()) {
        signal?.throwIfAborted();
        const own = means?.[i];
        const result = await network.upscale(layer, selfEnsemble, signal, own && partOf(tile, own));
        note(result.deviation);
        results.push(result.planes);
        milliseconds += result.milliseconds;
      }
      this.#device = network.device;
      const enlarged = pixelsOf(results, pixels, colour, this.scale);
      done();
      const [x, y, width, height] = [core.x - input.x, core.y - input.y, core.width, core.height].map(
        (length) => length * this.scale,
      ) as [number, number, number, number];
      yield {
        x: core.x * this.scale,
        y: core.y * this.scale,
        pixels: cropPixels(enlarged, { x, y, width, height }),
        milliseconds,
      };
    }
  }
}

/** The image with 16 bits a sample. */
const deepened = (source: PixelSource): PixelSource => ({
  width: source.width,
  height: source.height,
  channels: source.channels,
  depth: 16,
  read: async (top, rows) => toDepth(await source.read(top, rows), 16),
});
