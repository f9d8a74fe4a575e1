import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { sizeFrom } from "@slimsr/core/internal/model/descriptor.js";
import type { Device, SessionOptions } from "../engine/session.js";
import type { Planes } from "../images/planes.js";
import type { Part } from "../tiling/image-means.js";
import type { Plan } from "../tiling/plan.js";
import { type CreateSession, TiledNetwork, type Upscaled } from "../tiling/tiled-network.js";
import type { Tile } from "../tiling/tiles.js";

export interface DeviceOptions extends Pick<SessionOptions, "threads"> {
  /** What errors call the network. */
  readonly name: string;
  /** Where it is to run, in the order of preference; the last one is `cpu` unless `strict`. */
  readonly device: Device;
  /** Whether a device that isn't there, fails or computes something else is an error; otherwise the processor takes over. */
  readonly strict?: boolean | undefined;
  /** Hears why the processor took over. */
  readonly onFallback?: ((reason: string) => void) | undefined;
  /** Bytes of activations at once. */
  readonly memory?: number | undefined;
  /** Size of the images that are to come: the device is checked with a tile of theirs. */
  readonly at?: Size | undefined;
  /** Whether a device that is slower than the processor, `at` a size, is left as one that fails. */
  readonly mustPay?: boolean | undefined;
  /** Tiles after which it is opened anew: an engine's memory may only grow. */
  readonly tilesPerSession?: number | undefined;
}

/** How far a device's output may be from the processor's, of 255. */
const AGREEING = 1;
/** Pixels along a side of the image that both compute where no size is said. */
const CHECKED = 48;

/** A network on the device that was asked for or, where that fails, on the processor; tiles shrink where memory is short. */
export class DeviceNetwork {
  #tiled: TiledNetwork;
  #device: Device;
  #tiles = 0;

  private constructor(
    private readonly network: Deployment,
    private readonly create: CreateSession,
    private readonly options: DeviceOptions,
    tiled: TiledNetwork,
    device: Device,
  ) {
    this.#tiled = tiled;
    this.#device = device;
  }

  /** @throws DeviceError or OnnxError where the engine refuses the network, on the processor too unless `strict` */
  static async open(network: Deployment, create: CreateSession, options: DeviceOptions): Promise<DeviceNetwork> {
    const { device } = options;
    if (device === "cpu") {
      return new DeviceNetwork(network, create, options, await openOn("cpu", network, create, options), "cpu");
    }
    let tiled: TiledNetwork | undefined;
    try {
      tiled = await openOn(device, network, create, options);
      await checkAgainstProcessor(tiled, network, create, options);
      return new DeviceNetwork(network, create, options, tiled, device);
    } catch (error) {
      await tiled?.close();
      tellFallback(error, options);
      return new DeviceNetwork(network, create, options, await openOn("cpu", network, create, options), "cpu");
    }
  }

  /** Where it really runs. */
  get device(): Device {
    return this.#device;
  }

  plan(image: Size): Plan {
    return this.#tiled.plan(image);
  }

  /** As `TiledNetwork.upscale`; a tile for which memory is short is computed in smaller ones, and a device that is lost is opened anew. */
  async upscale(image: Planes, ensemble: boolean, signal: AbortSignal | undefined, part?: Part): Promise<Upscaled> {
    const { tilesPerSession = Number.POSITIVE_INFINITY } = this.options;
    if (this.#tiles++ >= tilesPerSession) await this.#reopen(this.#device);
    for (let lost = 0; ; ) {
      try {
        return await this.#tiled.upscale(image, ensemble, signal, part);
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        if (isOutOfMemory(error) && this.#tiled.halveMemory(image)) continue;
        if (this.#device === "cpu") throw error;
        if (isLost(error) && lost++ === 0) await this.#reopen(this.#device);
        else {
          tellFallback(error, this.options);
          await this.#reopen("cpu");
        }
        // What was lost was mostly lost for memory.
        this.#tiled.halveMemory(image);
      }
    }
  }

  async close(): Promise<void> {
    await this.#tiled.close();
  }

  async #reopen(device: Device): Promise<void> {
    await this.#tiled.close().catch(() => undefined);
    const { memory } = this.#tiled;
    this.#tiled = await openOn(device, this.network, this.create, { ...this.options, memory });
    this.#device = device;
    this.#tiles = 1;
  }
}

const openOn = (
  device: Device,
  network: Deployment,
  create: CreateSession,
  { name, threads, memory }: DeviceOptions,
): Promise<TiledNetwork> =>
  TiledNetwork.open(network, create, {
    ...{ name, device },
    ...(threads !== undefined && { threads }),
    ...(memory !== undefined && { memory }),
  });

/** @throws the error itself where nothing may take over */
function tellFallback(error: unknown, { device, strict, onFallback }: DeviceOptions): void {
  if (strict || !(error instanceof DeviceError)) throw error;
  onFallback?.(`${device} is not used: ${error.message}`);
}

const isOutOfMemory = ({ message }: Error): boolean => /memory|alloc|buffer size/i.test(message);
const isLost = ({ message }: Error): boolean => /\blost\b|destroyed/i.test(message);

/** Kernels of graphics processors have had wrong results without an error. @throws DeviceError where these have */
async function checkAgainstProcessor(
  tiled: TiledNetwork,
  network: Deployment,
  create: CreateSession,
  options: DeviceOptions,
): Promise<void> {
  const { at, mustPay } = options;
  const size = at ? (tiled.plan(at).tiles[0] as Tile).input : sizeFrom(network.size, CHECKED);
  const image = pattern(size, network.channels.input);
  const processor = await openOn("cpu", network, create, options);
  try {
    const [own, other] = [await tiled.upscale(image), await processor.upscale(image)];
    const difference = own.planes.data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (other.planes.data[i] as number))),
      0,
    );
    if (difference > AGREEING) {
      throw new DeviceError(`it computes something else than the processor (by ${difference.toFixed(1)} of 255)`);
    }
    if (!(at && mustPay)) return;
    // The first run compiled what this one runs.
    const { milliseconds } = await tiled.upscale(image);
    if (milliseconds <= other.milliseconds) return;
    const [slow, fast] = [milliseconds, other.milliseconds].map((time) => `${time.toFixed(0)} ms`);
    throw new DeviceError(`a tile takes it ${slow} where the processor takes ${fast}`);
  } finally {
    await processor.close();
  }
}

/** Edges, ramps and grain, the same each time. */
function pattern({ width, height }: Size, channels: number): Planes {
  const data = new Float32Array(channels * width * height);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const edge = (x >> 3) % 2 === (y >> 3) % 2 ? 160 : 40;
    data[i] = edge + (x + y) / 2 + ((i * 2_654_435_761) % 97) / 4;
  }
  return { width, height, data };
}
