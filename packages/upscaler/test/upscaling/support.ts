import { expect, onTestFinished } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { randomParameters } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { encodeCheckpoint } from "../../../core/src/checkpoints/checkpoint.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import type { Value } from "../../../core/src/graph/index.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { conv } from "../../../core/src/operators/index.js";
import type { RunResult, Session } from "../../src/engine/session.js";
import { type Depth, emptyPixels, type Pixels, peakOf, sourceInMemory } from "../../src/images/pixels.js";
import { type NetworkFile, readNetworkFile } from "../../src/loading/network-file.js";
import { loadEngine } from "../../src/node/engine.js";
import { createSession } from "../../src/node/session.js";
import type { CreateSession } from "../../src/tiling/tiled-network.js";
import { gathered, type Spool } from "../../src/upscaling/bands.js";
import { loadNetwork, type NetworkOptions as Options } from "../../src/upscaling/load.js";
import type { PixelUpscaler, UpscaleOptions } from "../../src/upscaling/pixel-upscaler.js";

const edsr: NetworkOptions = {
  ...{ architecture: "edsr", scale: 2, features: 8, range: 255, mean: [114, 111, 103], blocks: 2, resScale: 1 },
};

/** Memory for a tile of some hundred pixels. */
export const TILES = 2 ** 18;

export const networkFile = (network: NetworkOptions = edsr, widths = [1, 0.5]): NetworkFile =>
  readNetworkFile(
    encodeCheckpoint({ network, parameters: stateOf(randomParameters(network)), widths }),
    "slim.safetensors",
  );

const platform = (create: CreateSession, spool?: Spool) => ({
  ...{ create, createForeign: create, autoDevice: async () => "cpu" as const, ...(spool && { spool }) },
});

/**
 * The processor's sessions, each of whose runs is done by `run`.
 * @param run gets the session, the pixels of what goes in, and what the session's own `run` would have
 */
export const sessionsThat =
  (run: (session: Session, pixels: number, ...call: Parameters<Session["run"]>) => Promise<RunResult>): CreateSession =>
  async (model, options) => {
    const session = await createSession(model, options);
    return {
      close: () => session.close(),
      carried: () => session.carried(),
      run: async (feeds, how) => {
        const [, , height = 0, width = 0] = feeds.lr?.shape ?? [];
        return run(session, height * width, feeds, how);
      },
    };
  };

interface LoadParts {
  readonly create?: CreateSession;
  readonly file?: NetworkFile;
  readonly spool?: Spool;
}

/** An upscaler until the test's end. */
export async function load(
  options: Options = {},
  { create = createSession, file = networkFile(), spool }: LoadParts = {},
): Promise<PixelUpscaler> {
  const upscaler = await loadNetwork(file, platform(create, spool), { threads: 1, ...options });
  onTestFinished(() => upscaler.dispose());
  return upscaler;
}

/** Edges and grain, the same each time; alpha has opaque and invisible parts and what is between. */
export function picture(width: number, height: number, channels: Pixels["channels"] = 3, depth: Depth = 8): Pixels {
  const pixels = emptyPixels({ width, height, channels, depth });
  const unit = peakOf(depth) / 255;
  for (let i = 0; i < pixels.data.length; i++) {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    const isAlpha = channels % 2 === 0 && i % channels === channels - 1;
    const value = isAlpha
      ? Math.max(0, Math.min(255, 20 * ((x % 60) - 25)))
      : ((x >> 2) % 2 === (y >> 2) % 2 ? 170 : 60) + ((i * 2_654_435_761) % 61);
    pixels.data[i] = value * unit;
  }
  return pixels;
}

export async function enlarged(upscaler: PixelUpscaler, image: Pixels, options: UpscaleOptions = {}): Promise<Pixels> {
  const { bands, height, width } = upscaler.enlarge(sourceInMemory(image), options);
  const whole = await gathered(bands, height);
  expect([whole.width, whole.height]).toEqual([width, height]);
  return whole;
}

/** The largest of the samples' differences, of images of one layout. */
export function difference(one: Pixels, other: Pixels): number {
  const layoutOf = ({ data, ...layout }: Pixels) => ({ ...layout, type: data.constructor.name, length: data.length });
  expect(layoutOf(one)).toEqual(layoutOf(other));
  let most = 0;
  for (let i = 0; i < one.data.length; i++) {
    most = Math.max(most, Math.abs((one.data[i] as number) - (other.data[i] as number)));
  }
  return most;
}

interface Compared {
  readonly file: NetworkFile;
  readonly image: Pixels;
  /** Of the tiles, in bytes. */
  readonly memory?: number;
  readonly options?: UpscaleOptions;
  readonly loading?: Options;
}

/** The image in one piece and in tiles, how many those are, and what is told of them. */
export async function inBothWays({ file, image, memory = TILES, options = {}, loading = {} }: Compared) {
  const notes: string[] = [];
  let tiles = 0;
  const whole = await enlarged(await load({ engine: await loadEngine(), ...loading }, { file }), image, options);
  const tiled = await enlarged(await load({ engine: await loadEngine(), ...loading, memory }, { file }), image, {
    ...options,
    onProgress: ({ total }) => {
      tiles = total;
    },
    onNote: (note) => notes.push(note),
  });
  return { whole, tiled, tiles, notes };
}

/** A model of someone's. */
export const onnx = (...model: Parameters<typeof imageModel>): NetworkFile =>
  readNetworkFile(imageModel(...model), "model.onnx");

/** Random weights, the same for each graph. */
export function convolved(x: Value, filters: number, side = 3): Value {
  const channels = x.shape[1] as number;
  const bound = Math.sqrt(3 / (channels * side ** 2));
  const weights = new Random(5).floats(filters * channels * side ** 2, -bound, bound);
  const weight = x.graph.constant(weights, [filters, channels, side, side]);
  return conv(x, weight, undefined, { pads: side === 1 ? [0, 0, 0, 0] : [1, 1, 1, 1] });
}
