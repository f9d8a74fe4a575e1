import { DeviceError, NetworkError, OnnxError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { sideFrom } from "@slimsr/core/internal/model/descriptor.js";
import { leastCommonMultiple } from "@slimsr/core/internal/model/reach.js";
import { float32, type Session, type SessionOptions } from "../engine/session.js";
import { channelsOf, cropPlanes, emptyPlanes, type Planes, pastePlanes } from "../images/planes.js";
import { selfEnsemble } from "./self-ensemble.js";
import { planTiles, type Tile, tilesOfSize } from "./tiles.js";

export interface TiledNetworkOptions extends Pick<SessionOptions, "device" | "threads"> {
  /** What errors call the network. */
  readonly name: string;
  /** Bytes of activations at once; larger images are computed in tiles. 1 GiB where left out. */
  readonly memory?: number;
}

/** Compiles an ONNX model's bytes: an engine's adapter. */
export type CreateSession = (onnx: Uint8Array, options: SessionOptions) => Promise<Session>;

export interface Plan {
  readonly tiles: readonly Tile[];
  readonly deviation?: Deviation;
}

export interface Upscaled {
  readonly planes: Planes;
  /** Time of the engine's runs. */
  readonly milliseconds: number;
  /** Why the result is not just what the network computes of the whole image, if it isn't. */
  readonly deviation?: Deviation;
}

/** Tiles of a network that looks at the whole image, or an image that was enlarged to a size that a model takes. */
export type Deviation = "tiled" | "padded";

/** Bytes of activations at once, at most, where tiles don't change the result. */
export const DEFAULT_MEMORY = 2 ** 30;
/** For each output pixel, where the cost isn't known: four layers of 256 channels in float32, as the largest networks have. */
const ASSUMED_BYTES = 4 * 256 * 4;
/** Around tiles of a network that has no finite receptive field, or a larger one than its fixed size has room for. */
const APPROXIMATE_OVERLAP = 32;
/** Where tiles of a network begin of which it isn't known how it moves pixels: it may fold 2×2 to 8×8 of them into one. */
const ASSUMED_PERIOD = 8;
/** Pixels of tiles that aren't made smaller. */
const LEAST_TILE = 48 ** 2;
const WARM_UP: Size = { width: 24, height: 24 };

/** Memory that a run takes for each input pixel, at most where the network's cost isn't known. */
export const bytesPerPixel = ({ cost, scale }: Pick<Deployment, "cost" | "scale">): number =>
  cost?.bytesPerPixel ?? ASSUMED_BYTES * Math.max(2, scale) ** 2;

/** A network in an engine, for images of any size. */
export class TiledNetwork {
  #memory: number;

  private constructor(
    private readonly network: Deployment,
    private readonly name: string,
    memory: number,
    private readonly session: Session,
  ) {
    this.#memory = memory;
  }

  /** @throws DeviceError or OnnxError where the device isn't there or the engine refuses the network */
  static async open(
    network: Deployment,
    create: CreateSession,
    { name, memory = DEFAULT_MEMORY, ...options }: TiledNetworkOptions,
  ): Promise<TiledNetwork> {
    const session = await create(network.onnx, options).catch((error: unknown) => {
      throw named(name, error);
    });
    return new TiledNetwork(network, name, memory, session);
  }

  /** Halves what tiles may take of memory. @returns whether they become smaller by that */
  halveMemory(): boolean {
    if (this.network.size.fixed || this.#memory / bytesPerPixel(this.network) < LEAST_TILE) return false;
    this.#memory /= 2;
    return true;
  }

  /** Runs a small image, so that what only the first run does is not timed. */
  async warmUp(): Promise<void> {
    const { size, channels } = this.network;
    await this.#run(emptyPlanes(size.fixed ?? nextSize(WARM_UP, size), channels.input));
  }

  /**
   * The super-resolved or restored image, in 0..255, neither rounded nor clipped.
   * @param image of as many planes as the network's images have channels
   * @param signal stops between two runs of the engine
   * @throws NetworkError where the image has other channels; where the model yields something that is no image of the expected size, or not finite
   */
  async upscale(image: Planes, ensemble = false, signal?: AbortSignal): Promise<Upscaled> {
    const { channels } = this.network;
    if (channelsOf(image) !== channels.input) {
      throw new NetworkError(`${this.name} takes images of ${channels.input} channels, not of ${channelsOf(image)}`);
    }
    let milliseconds = 0;
    const deviations = new Set<Deviation>();
    const once = async (turned: Planes): Promise<Planes> => {
      const result = await this.#inTiles(turned, signal);
      milliseconds += result.milliseconds;
      if (result.deviation) deviations.add(result.deviation);
      return result.planes;
    };
    const planes = await (ensemble ? selfEnsemble(image, once) : once(image));
    if (!allFinite(planes.data)) {
      throw new NetworkError(`${this.name} yields values that are no numbers; its weights are damaged`);
    }
    const [deviation] = deviations;
    return { planes, milliseconds, ...(deviation && { deviation }) };
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  async #inTiles(image: Planes, signal: AbortSignal | undefined): Promise<Upscaled> {
    const { scale, channels } = this.network;
    const { tiles, deviation } = this.plan(image);
    const [first] = tiles;
    if (tiles.length === 1 && first?.input.width === image.width && first.input.height === image.height) {
      return { ...(await this.#run(cropPlanes(image, first.input))), ...(deviation && { deviation }) };
    }
    const whole = emptyPlanes({ width: image.width * scale, height: image.height * scale }, channels.output);
    let milliseconds = 0;
    for (const { input, core } of tiles) {
      signal?.throwIfAborted();
      const result = await this.#run(cropPlanes(image, input));
      milliseconds += result.milliseconds;
      pastePlanes(whole, core.x * scale, core.y * scale, result.planes, {
        x: (core.x - input.x) * scale,
        y: (core.y - input.y) * scale,
        width: core.width * scale,
        height: core.height * scale,
      });
    }
    return { planes: whole, milliseconds, ...(deviation && { deviation }) };
  }

  /** The tiles that an image is computed in, row by row, and why they yield something else than the whole image would, if they do. */
  plan(image: Size): Plan {
    const { cost, size } = this.network;
    const { fixed } = size;
    const radius = cost?.radius;
    const ownPeriod = cost?.period ?? 1;
    if (fixed) {
      const room = Math.max(0, Math.floor((Math.min(fixed.width, fixed.height) - 1) / 4) - (ownPeriod - 1));
      const overlap = Math.min(radius ?? APPROXIMATE_OVERLAP, room);
      return planned(image, tilesOfSize(image, fixed, overlap, ownPeriod), overlap === radius);
    }
    const overlap = radius ?? APPROXIMATE_OVERLAP;
    const period = leastCommonMultiple(radius === undefined ? ASSUMED_PERIOD : ownPeriod, size.multipleOf);
    const tiles = planTiles(image, overlap, this.#memory / bytesPerPixel(this.network), period);
    const [{ input }] = tiles as [Tile];
    const window = nextSize(input, size);
    const isFitted = window.width === input.width && window.height === input.height;
    return planned(image, isFitted ? tiles : tilesOfSize(image, window, overlap, period), radius !== undefined);
  }

  /** Takes the planes' buffer. */
  async #run({ width, height, data }: Planes): Promise<Upscaled> {
    const { input, output, range, scale, channels } = this.network;
    if (range === 1) scaleInPlace(data, 1 / 255);
    const feeds = { [input]: float32(data, [1, channels.input, height, width]) };
    const { outputs, milliseconds } = await this.session.run(feeds, { move: [input] }).catch((error: unknown) => {
      throw named(this.name, error);
    });
    const result = outputs[output];
    const expected = [1, channels.output, height * scale, width * scale];
    if (!(result?.data instanceof Float32Array) || result.shape.join() !== expected.join()) {
      throw new NetworkError(
        `${this.name} yields ${result?.dtype} [${result?.shape.join(", ")}] for an image of ${width}×${height}; ` +
          `expected float32 [${expected.join(", ")}] at ×${scale}`,
      );
    }
    const values = result.data as Float32Array<ArrayBuffer>;
    if (range === 1) scaleInPlace(values, 255);
    return { planes: { width: width * scale, height: height * scale, data: values }, milliseconds };
  }
}

/** @param isExact whether the tiles have all around them that their outputs depend on */
function planned({ width, height }: Size, tiles: readonly Tile[], isExact: boolean): Plan {
  const { input } = tiles.at(-1) as Tile;
  if (input.x + input.width > width || input.y + input.height > height) return { tiles, deviation: "padded" };
  return tiles.length === 1 || isExact ? { tiles } : { tiles, deviation: "tiled" };
}

/** The least size that a network takes and that an image of the given one fits into. */
const nextSize = ({ width, height }: Size, rule: Deployment["size"]): Size => ({
  width: sideFrom(rule, width),
  height: sideFrom(rule, height),
});

function named(name: string, error: unknown): unknown {
  if (!(error instanceof DeviceError || error instanceof OnnxError)) return error;
  return new (error instanceof DeviceError ? DeviceError : OnnxError)(`${name}: ${error.message}`, { cause: error });
}

function scaleInPlace(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
}

function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
