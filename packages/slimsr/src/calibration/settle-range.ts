import { DeviceError, NetworkError, UsageError } from "@slimsr/core/internal/errors.js";
import { type Deployment, deploy } from "@slimsr/core/internal/export/deployment.js";
import { inColourSpace } from "@slimsr/core/internal/images/colour.js";
import { colourSpaceOf, type Descriptor } from "@slimsr/core/internal/model/descriptor.js";
import { oddChannels } from "@slimsr/core/internal/model/image-network.js";
import { type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import type { Planes } from "@slimsr/upscaler/internal/images/planes.js";
import { createProcessSession } from "@slimsr/upscaler/internal/node/process-session.js";
import type { CreateSession } from "@slimsr/upscaler/internal/tiling/tiled-network.js";
import {
  CLEARLY,
  compareRanges,
  type RangeComparison,
  RESEMBLING,
  SAME,
} from "@slimsr/upscaler/internal/upscaling/settle-range.js";
import { EMBEDDED_IMAGES, EMBEDDED_SIDE } from "../assets.js";
import { patchPairs } from "./patches.js";

type Range = Descriptor["range"];

export interface SettleOptions {
  /** Of the engine; all cores where left out. */
  readonly threads?: number | undefined;
  /** What notes and errors call the network. */
  readonly name: string;
  /** How a user says a range that isn't found; by `--range` where left out. */
  readonly wayOut?: string;
  readonly signal?: AbortSignal | undefined;
}

/** A range, and what is worth saying of how it was settled. */
export interface Settled {
  readonly range: Range;
  /** Whether it was found by running the network. */
  readonly isFound?: true;
  readonly note?: string;
}

/** How many images a network is run on, and pixels along their sides at most. */
const [COUNT, MOST] = [2, 64];
/** Decibels: an output of so much more than another's is far nearer to the input. */
const FAR = 10;

/**
 * The range of a network's images. What its file says is taken; where it says nothing, the network is run in both ranges on
 * photographs, and the range is that in which its output, reduced to the input's size, resembles the input. A range that a user gives is taken,
 * with a note where the other is plainly right: where its output is nothing like the input, or far less than the other's.
 * @throws UsageError where nothing says the range and running it doesn't tell
 * @throws NetworkError for a network of other channels; InterruptedError if the signal was aborted
 */
export async function settleRange(network: Deployment, options: SettleOptions): Promise<Settled> {
  const { range, rangeSource } = network;
  if (rangeSource === undefined) return { range };
  const { name, wayOut = "say it with --range 255 or --range 1" } = options;
  const odd = oddChannels(network.channels);
  if (odd !== undefined) throw new NetworkError(`${name} ${odd}`);
  const outcome = await runInBoth(network, options).catch((error: unknown) => {
    if (error instanceof DeviceError || error instanceof NetworkError) return error;
    throw error;
  });
  if (outcome instanceof Error) {
    // A range that is given needs no proof.
    if (rangeSource === "given") return { range };
    throw new UsageError(`${unsaid(name)}, and it can't be run to find out: ${outcome.message}; ${wayOut}`, {
      cause: outcome,
    });
  }
  const { likeness, difference } = outcome;
  const other: Range = range === 255 ? 1 : 255;
  const better: Range = likeness[1] > likeness[255] ? 1 : 255;
  const lead = Math.abs(likeness[255] - likeness[1]);
  const isClear = likeness[better] >= RESEMBLING && lead >= CLEARLY;
  if (rangeSource === "given") {
    if (better !== other || !isClear || (likeness[range] >= RESEMBLING && lead < FAR)) return { range };
    const [is, otherwise] = likeness[range] < RESEMBLING ? ["nothing like", "it is"] : ["far from", "it is near"];
    const told = `with --range ${range} ${name}'s output is ${is} its input (${show(likeness[range])})`;
    return {
      range,
      note: `${told}; with --range ${other} ${otherwise} (${show(likeness[other])}): that is likely right`,
    };
  }
  if (difference <= SAME) return { range };
  if (isClear) return { range: better, isFound: true, note: `${name}: range 0..${better}, found by running it` };
  throw new UsageError(
    `${unsaid(name)}, and running it doesn't tell: its output is as far from its ` +
      `input either way (${show(likeness[255])} and ${show(likeness[1])}); ${wayOut}`,
  );
}

/** As `settleRange`, for a model that is to be worked with. */
export async function settleModel(
  model: Model,
  options: Omit<SettleOptions, "name"> = {},
): Promise<{ model: Model } & Omit<Settled, "range">> {
  const { rangeSource, ...descriptor } = model.descriptor;
  if (rangeSource === undefined) return { model };
  const { range, ...said } = await settleRange(deploy(model), { name: nameOf(model), ...options });
  return { model: { ...model, descriptor: { ...descriptor, range } }, ...said };
}

const unsaid = (name: string): string => `${name} doesn't say whether pixel values of its images go up to 255 or 1`;

const show = (decibels: number): string => (Number.isFinite(decibels) ? `${decibels.toFixed(1)} dB` : "no image");

/** In a process of its own, which the signal ends. */
async function runInBoth(network: Deployment, { name, signal, threads }: SettleOptions): Promise<RangeComparison> {
  const create: CreateSession = (onnx, options) =>
    createProcessSession(onnx, threads === undefined ? options : { ...options, threads }, { signal });
  return compareRanges(network, create, name, await inputsFor(network, signal), signal);
}

async function inputsFor(network: Deployment, signal: AbortSignal | undefined): Promise<Planes[]> {
  const { scale } = network;
  const space = colourSpaceOf(network);
  const side = Math.min(MOST, Math.floor(EMBEDDED_SIDE / scale / 8) * 8);
  // What restores images is given sound ones, which it should leave nearly as they are.
  const source = scale === 1 ? { input: EMBEDDED_IMAGES } : {};
  const inputs: Planes[] = [];
  for await (const { input } of patchPairs(EMBEDDED_IMAGES, { scale, space, side, count: COUNT, ...source, signal })) {
    const { width, height, data } = inColourSpace(space, input);
    inputs.push({ width, height, data: new Float32Array(data) });
  }
  return inputs;
}
