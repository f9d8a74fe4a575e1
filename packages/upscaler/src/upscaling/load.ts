import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { Device } from "../engine/session.js";
import { layersOf } from "../images/layers.js";
import { cropPixels, type PixelSource } from "../images/pixels.js";
import type { Planes } from "../images/planes.js";
import type { FileOptions, NetworkFile } from "../loading/network-file.js";
import type { CreateSession } from "../tiling/tiled-network.js";
import { chosenQuality, type QualityLimit } from "./auto-quality.js";
import type { Spool } from "./bands.js";
import { DeviceNetwork } from "./device-network.js";
import { type InferenceEngine, injected } from "./injected-engine.js";
import { PixelUpscaler } from "./pixel-upscaler.js";
import { settledRange } from "./settle-range.js";

/** How a network is to run; `scale`, `channels` and `range` are what its file may leave unsaid. */
export interface NetworkOptions extends FileOptions, QualityLimit {
  /** ONNX Runtime's module, as imported; by default the package that is installed, in a thread of its own. */
  readonly engine?: InferenceEngine | undefined;
  /** `auto`: a page's graphics processor where it has one that computes as the processor does and, `at` a size, no slower; in Node the processor. */
  readonly device?: Device | "auto" | undefined;
  /** One of the file's qualities, the best by default, for images that don't say another; `auto` measures them. */
  readonly quality?: number | "auto" | undefined;
  /** Makes a device that isn't there, or fails, an error; otherwise the processor takes over. */
  readonly strict?: boolean | undefined;
  /** Hears why the processor took over. */
  readonly onFallback?: ((reason: string) => void) | undefined;
  /** Bytes of the network's activations at once, 512 MiB by default; larger images are computed in tiles. */
  readonly memory?: number | undefined;
  /** Of the processor; all cores by default. */
  readonly threads?: number | undefined;
}

/** What a platform brings. */
export interface Platform {
  readonly create: CreateSession;
  /** For models that may be anyone's. */
  readonly createForeign: CreateSession;
  /** What `auto` is here. */
  readonly autoDevice: () => Promise<Device>;
  /** Tiles after which a network is opened anew, where an engine's memory only grows. */
  readonly tilesPerSession?: number;
  /** Where an image lies while it is enlarged once more; in memory where left out. */
  readonly spool?: Spool;
}

const MEMORY = 2 ** 29;
/** Pixels around a tile that its colours and alpha take, whatever the network takes: two for the bicubic of chroma, one for alpha. */
const LEAST_RADIUS = 2;
/** Pixels along a side of the part of an image that tells a network's range. */
const SAMPLE: Size = { width: 64, height: 64 };

/** @throws SlimsrError where the file, the options and the machine don't go together */
export async function loadNetwork(
  file: NetworkFile,
  platform: Platform,
  options: NetworkOptions,
): Promise<PixelUpscaler> {
  const { engine, device: asked = "auto", quality, strict, onFallback, memory = MEMORY, threads, at } = options;
  const device = asked === "auto" ? await platform.autoDevice() : asked;
  const create = engine ? injected(engine) : file.isForeign ? platform.createForeign : platform.create;
  const { name } = file;
  const best = file.deployment(file.qualities[0] as number);
  let { range, rangeSource } = best;

  async function open(which: number, sample: (() => Promise<Planes>) | undefined): Promise<DeviceNetwork> {
    const network = file.deployment(which);
    if (rangeSource === "assumed" && sample) {
      range = await settledRange(network, create, name, await sample());
      rangeSource = undefined;
    }
    const { cost, partwise } = network;
    const coloured: Deployment = {
      ...network,
      range,
      cost: cost && { ...cost, radius: cost.radius === undefined ? undefined : withColours(cost.radius) },
      ...(partwise && { partwise: { ...partwise, radius: withColours(partwise.radius) } }),
    };
    return DeviceNetwork.open(coloured, create, {
      ...{ name, device, strict, onFallback, memory, at },
      ...{ mustPay: asked === "auto" && !strict, tilesPerSession: platform.tilesPerSession },
      ...(threads !== undefined && { threads }),
    });
  }

  const upscaler = new PixelUpscaler(
    file.qualities,
    best,
    device,
    (which, source) => open(which, source && (() => sampleOf(source, best))),
    (which) => file.deployment(which).cost,
    platform.spool,
  );
  try {
    if (quality === "auto") upscaler.quality = await chosenQuality(upscaler, options);
    else if (quality !== undefined) upscaler.quality = quality;
    // What can't run is to be known now; where the first image tells the range, it is known then.
    if (rangeSource !== "assumed") await upscaler.networkOf();
    return upscaler;
  } catch (error) {
    await upscaler.dispose();
    throw error;
  }
}

const withColours = (radius: number): number => Math.max(radius, LEAST_RADIUS);

/** The middle of an image, as the network takes it. */
async function sampleOf(source: PixelSource, network: Parameters<typeof colourSpaceOf>[0]): Promise<Planes> {
  const height = Math.min(SAMPLE.height, source.height);
  const width = Math.min(SAMPLE.width, source.width);
  const band = await source.read((source.height - height) >> 1, height);
  const part = cropPixels(band, { x: (source.width - width) >> 1, y: 0, width, height });
  const [layer] = layersOf(part, colourSpaceOf(network));
  if (layer) return layer;
  throw new UsageError(
    "nothing is seen in the middle of the image that could tell the network's range; say range: 255 or range: 1",
  );
}
