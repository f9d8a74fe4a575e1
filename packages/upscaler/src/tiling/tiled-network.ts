import { DeviceError, NetworkError, OnnxError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import type { PartwiseNetwork } from "@slimsr/core/internal/export/partwise.js";
import type { Size, Symmetry } from "@slimsr/core/internal/images/geometry.js";
import { float32, type Session, type SessionOptions, type Tensor } from "../engine/session.js";
import { channelsOf, cropPlanes, emptyPlanes, type Planes, pastePlanes } from "../images/planes.js";
import { intersection, MeanOfParts, type Means, noMeans, type Part, settledMeans, weightsOf } from "./image-means.js";
import { bytesPerPixel, DEFAULT_MEMORY, type Deviation, nextSize, type Plan, planOf } from "./plan.js";
import { SYMMETRIES, selfEnsemble, turnedRectangle } from "./self-ensemble.js";
import type { Tile } from "./tiles.js";

export interface TiledNetworkOptions extends Pick<SessionOptions, "device" | "threads"> {
  /** What errors call the network. */
  readonly name: string;
  /** Bytes of activations at once; larger images are computed in tiles. 1 GiB where left out. */
  readonly memory?: number;
}

/** Compiles an ONNX model's bytes: an engine's adapter. */
export type CreateSession = (onnx: Uint8Array, options: SessionOptions) => Promise<Session>;

export interface Upscaled {
  readonly planes: Planes;
  /** Time of the engine's runs. */
  readonly milliseconds: number;
  /** Why the result is not just what the network computes of the whole image, if it isn't. */
  readonly deviation?: Deviation;
  /** Of an image's part: its core's means, for each of its turned forms. */
  readonly pooled?: Means;
}

/** Pixels of tiles that aren't made smaller. */
const LEAST_TILE = 48 ** 2;
const WARM_UP: Size = { width: 24, height: 24 };

/** A network in an engine, for images of any size. */
export class TiledNetwork {
  #memory: number;
  /** Of `network.partwise`, from when it is first needed. */
  #parts: Promise<Session> | undefined;

  private constructor(
    private readonly network: Deployment,
    private readonly name: string,
    memory: number,
    private readonly session: Session,
    private readonly compile: (onnx: Uint8Array) => Promise<Session>,
  ) {
    this.#memory = memory;
  }

  /** @throws DeviceError or OnnxError where the device isn't there or the engine refuses the network */
  static async open(
    network: Deployment,
    create: CreateSession,
    { name, memory = DEFAULT_MEMORY, ...options }: TiledNetworkOptions,
  ): Promise<TiledNetwork> {
    const compile = (onnx: Uint8Array) =>
      create(onnx, options).catch((error: unknown) => {
        throw named(name, error);
      });
    return new TiledNetwork(network, name, memory, await compile(network.onnx), compile);
  }

  /** Bytes of activations at once. */
  get memory(): number {
    return this.#memory;
  }

  /** From now on tiles take half the memory that this image's take. @returns whether they become smaller by that */
  halveMemory(image: Size): boolean {
    const [{ input }] = this.plan(image).tiles as [Tile];
    const { partwise, size } = this.network;
    const pixelBytes = Math.min(bytesPerPixel(this.network), partwise?.bytesPerPixel ?? Number.POSITIVE_INFINITY);
    const memory = Math.min(this.#memory, input.width * input.height * pixelBytes);
    if (size.fixed || memory / pixelBytes < LEAST_TILE) return false;
    this.#memory = memory / 2;
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
   * @param part of a network that pools, where the image is a part of another: of tiles of a plan that says `pooling`
   * @throws NetworkError where the image has other channels; where the model yields something that is no image of the expected size, or not finite
   */
  async upscale(image: Planes, ensemble = false, signal?: AbortSignal, part?: Part): Promise<Upscaled> {
    const { channels } = this.network;
    if (channelsOf(image) !== channels.input) {
      throw new NetworkError(`${this.name} takes images of ${channels.input} channels, not of ${channelsOf(image)}`);
    }
    let milliseconds = 0;
    const deviations = new Set<Deviation>();
    const pooled: Float32Array<ArrayBuffer>[] = [];
    const once = async (turned: Planes, symmetry: Symmetry, form: number): Promise<Planes> => {
      const means = part?.means[form];
      const result = await this.#inTiles(
        turned,
        signal,
        means && part && { core: turnedRectangle(part.core, image, symmetry), means: [means] },
      );
      milliseconds += result.milliseconds;
      if (result.deviation) deviations.add(result.deviation);
      if (result.pooled) pooled.push(...result.pooled);
      return result.planes;
    };
    const planes = await (ensemble ? selfEnsemble(image, once) : once(image, SYMMETRIES[0] as Symmetry, 0));
    if (!allFinite(planes.data)) {
      throw new NetworkError(`${this.name} yields values that are no numbers; its weights are damaged`);
    }
    const [deviation] = deviations;
    return { planes, milliseconds, ...(deviation && { deviation }), ...(part && { pooled }) };
  }

  async close(): Promise<void> {
    await this.session.close();
    await (await this.#parts?.catch(() => undefined))?.close();
  }

  async #inTiles(image: Planes, signal: AbortSignal | undefined, part?: Part): Promise<Upscaled> {
    const { tiles, deviation, pooling } = this.plan(image);
    const told = deviation && { deviation };
    if (part) return { ...(await this.#partInTiles(image, tiles, part, signal)), ...told };
    if (pooling) {
      const core = { ...image, x: 0, y: 0 };
      let milliseconds = 0;
      const pass = async (means: Means): Promise<Means> => {
        const { pooled, ...result } = await this.#partInTiles(image, tiles, { core, means }, signal);
        milliseconds += result.milliseconds;
        return pooled as Means;
      };
      const means = await settledMeans(noMeans(1, pooling.channels), pooling.depth, pass);
      const result = await this.#partInTiles(image, tiles, { core, means }, signal);
      return { planes: result.planes, milliseconds: milliseconds + result.milliseconds, ...told };
    }
    return {
      ...(await this.#joined(image, tiles, signal, ({ input }) => this.#run(cropPlanes(image, input)))),
      ...told,
    };
  }

  /** The part, and the means of its core. */
  async #partInTiles(
    image: Planes,
    tiles: readonly Tile[],
    { core, means: [means] }: Part,
    signal: AbortSignal | undefined,
  ): Promise<Upscaled> {
    const sum = new MeanOfParts();
    const result = await this.#joined(image, tiles, signal, async ({ input, core: own }) => {
      const counted = intersection(own, core);
      const { x, y, ...size } = counted ?? own;
      const run = await this.#run(cropPlanes(image, input), {
        core: { ...size, x: x - input.x, y: y - input.y },
        means: [means as Float32Array<ArrayBuffer>],
      });
      if (counted && run.pooled) sum.add(run.pooled, counted);
      return run;
    });
    return { ...result, pooled: sum.result() };
  }

  /** Tiles' outputs, put together. */
  async #joined(
    image: Size,
    tiles: readonly Tile[],
    signal: AbortSignal | undefined,
    run: (tile: Tile) => Promise<Upscaled>,
  ): Promise<Upscaled> {
    const { scale, channels } = this.network;
    const [first] = tiles as [Tile];
    if (tiles.length === 1 && first.input.width === image.width && first.input.height === image.height) {
      return run(first);
    }
    const whole = emptyPlanes({ width: image.width * scale, height: image.height * scale }, channels.output);
    let milliseconds = 0;
    for (const tile of tiles) {
      const { input, core } = tile;
      signal?.throwIfAborted();
      const result = await run(tile);
      milliseconds += result.milliseconds;
      pastePlanes(whole, core.x * scale, core.y * scale, result.planes, {
        x: (core.x - input.x) * scale,
        y: (core.y - input.y) * scale,
        width: core.width * scale,
        height: core.height * scale,
      });
    }
    return { planes: whole, milliseconds };
  }

  plan(image: Size): Plan {
    return planOf(image, this.network, this.#memory);
  }

  #sessionOfParts({ onnx }: PartwiseNetwork): Promise<Session> {
    this.#parts ??= this.compile(onnx()).catch((error: unknown) => {
      this.#parts = undefined;
      throw error;
    });
    return this.#parts;
  }

  /** Takes the planes' buffer. @param part what the planes are of an image, where they are a part of one */
  async #run({ width, height, data }: Planes, part?: Part): Promise<Upscaled> {
    const { input, output, range, scale, channels, partwise } = this.network;
    if (range === 1) scaleInPlace(data, 1 / 255);
    const feeds: Record<string, Tensor> = { [input]: float32(data, [1, channels.input, height, width]) };
    if (part && partwise) {
      feeds[partwise.means] = float32(part.means[0] as Float32Array, [1, partwise.channels, 1, 1]);
      for (const { name, step } of partwise.weights) {
        feeds[name] = float32(weightsOf({ width, height }, part.core, step), [1, 1, height / step, width / step]);
      }
    }
    const session = part && partwise ? await this.#sessionOfParts(partwise) : this.session;
    const { outputs, milliseconds } = await session.run(feeds, { move: [input] }).catch((error: unknown) => {
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
    const pooled = partwise && outputs[partwise.pooled]?.data;
    return {
      planes: { width: width * scale, height: height * scale, data: values },
      milliseconds,
      ...(pooled instanceof Float32Array && { pooled: [pooled as Float32Array<ArrayBuffer>] }),
    };
  }
}

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
