import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import { elements } from "@slimsr/core/internal/graph/index.js";
import { inColourSpace } from "@slimsr/core/internal/images/colour.js";
import { type Difference, differenceBetween } from "@slimsr/core/internal/metrics/difference.js";
import { colourSpaceOf, imageNames, sizeFrom } from "@slimsr/core/internal/model/descriptor.js";
import { decodeOnnx } from "@slimsr/core/internal/onnx/codec.js";
import { float32, type Session, type SessionOptions } from "@slimsr/upscaler/internal/engine/session.js";
import { TiledNetwork } from "@slimsr/upscaler/internal/tiling/tiled-network.js";
import type { ImagePair } from "../calibration/patches.js";
import { createSession } from "../engine/session.js";
import { scratchFolder } from "../files/scratch.js";
import { psnrOn } from "../slimming/teacher-check.js";
import { likelyCause } from "./processor.js";
import type { Quantised } from "./quantise.js";

/** What a network of integers is worth on this machine, beside the same in float. */
export interface Verification {
  /** On patches that it wasn't calibrated on, in dB. */
  readonly psnr: { readonly float: number; readonly integer: number };
  /** Nodes that the engine computes with integers, by its operators' names. */
  readonly integerNodes: Readonly<Record<string, number>>;
  /** Of an image of `size` pixels a side: medians in turn. */
  readonly milliseconds: { readonly float: number; readonly integer: number };
  readonly size: { readonly width: number; readonly height: number };
  /** Of the engine's output to that of the same roundings in float, in levels of 255. */
  readonly difference: Difference;
}

/**
 * Levels of 255, root mean square, that the engine's output may differ from the simulation's: a sum that lies between two integers is
 * rounded to either. Sums that are cut off at 16 bits differ by far more.
 */
export const TOLERANCE = 0.5;

/**
 * The same, as a share of what the roundings themselves change: in deep networks, where one rounding decides the next, two ways of rounding
 * end up as far from one another as two independent noises, √2 times each.
 */
const SHARE = 1.5;

const [SIDE, RUNS] = [128, 7];
/** Patches that the engine's integers are compared with a simulation on. */
const COMPARED = 4;

/** @throws NetworkError where the engine's output isn't that of the simulation */
export async function verify(
  quantised: Quantised,
  pairs: readonly ImagePair[],
  threads?: number,
): Promise<Verification> {
  const { name, onnx, float } = quantised;
  const [integers, floats] = [deploymentOf(quantised, onnx), deploymentOf(quantised, float)];
  const options: SessionOptions = threads === undefined ? {} : { threads };
  const compared = pairs.slice(0, COMPARED);
  const outputs = await outputsOf(integers, name, compared, options);
  // Without its optimisations the engine rounds as the file says and computes in float.
  const simulated = await outputsOf(integers, name, compared, { ...options, optimisation: "none" });
  const difference = differenceBetween(outputs, simulated);
  const noise = differenceBetween(simulated, await outputsOf(floats, name, compared, options)).rms;
  const most = Math.max(TOLERANCE, SHARE * noise);
  if (!(difference.rms <= most)) {
    throw new NetworkError(
      `${name} in integers yields something else on this machine than it stands for: ${difference.rms.toFixed(2)} levels of 255 on average, ` +
        `where up to ${most.toFixed(2)} is rounding${likelyCause("quantise with --target any")}`,
    );
  }
  return {
    psnr: { float: await psnrOn(floats, name, pairs), integer: await psnrOn(integers, name, pairs) },
    integerNodes: await integerNodesOf(onnx, options),
    ...(await timesOf(integers, floats, options)),
    difference,
  };
}

/** "34.72 dB of patches in integers, 34.74 in float; 12.0 ms, ×2.50 as fast". */
export function showSpeed({ verification: { psnr, milliseconds } }: { readonly verification: Verification }): string {
  const { float, integer } = milliseconds;
  return (
    `${psnr.integer.toFixed(2)} dB of patches in integers, ${psnr.float.toFixed(2)} in float; ` +
    `${integer.toFixed(1)} ms, ×${(float / integer).toFixed(2)} as fast`
  );
}

/** One of the files as it is run. */
const deploymentOf = ({ descriptor }: Quantised, onnx: Uint8Array): Deployment => {
  const { scale, channels, range, size } = descriptor;
  return { onnx, ...imageNames(descriptor), scale, channels, range, size, cost: null };
};

async function outputsOf(
  network: Deployment,
  name: string,
  pairs: readonly ImagePair[],
  options: SessionOptions,
): Promise<Float32Array[]> {
  const upscaler = await TiledNetwork.open(network, (onnx) => createSession(onnx, options), { name });
  try {
    const outputs: Float32Array[] = [];
    for (const { input } of pairs) {
      const { width, height, data } = inColourSpace(colourSpaceOf(network), input);
      const { planes } = await upscaler.upscale({ width, height, data: new Float32Array(data) }, false);
      outputs.push(planes.data);
    }
    return outputs;
  } finally {
    await upscaler.close();
  }
}

/** Nodes of integers in the graph as the engine runs it, by its operators' names. */
export async function integerNodesOf(onnx: Uint8Array, options: SessionOptions): Promise<Record<string, number>> {
  const file = join(await scratchFolder(), "optimised.onnx");
  try {
    const session = await createSession(onnx, { ...options, optimisedModel: file });
    await session.close();
    const counts: Record<string, number> = {};
    for (const { operator } of decodeOnnx(await readFile(file)).graph?.nodes ?? []) {
      if (/^QLinear|Integer/.test(operator)) counts[operator] = (counts[operator] ?? 0) + 1;
    }
    return counts;
  } finally {
    await rm(file, { force: true });
  }
}

async function timesOf(
  integers: Deployment,
  floats: Deployment,
  options: SessionOptions,
): Promise<Pick<Verification, "milliseconds" | "size">> {
  const size = sizeFrom(integers.size, SIDE);
  const shape = [1, integers.channels.input, size.height, size.width];
  const image = float32(new Float32Array(elements(shape)).fill(integers.range / 2), shape);
  const sessions: Session[] = [];
  try {
    for (const { onnx } of [floats, integers]) sessions.push(await createSession(onnx, options));
    const times = sessions.map((): number[] => []);
    for (let run = 0; run <= RUNS; run++) {
      for (const [i, session] of sessions.entries()) {
        const { milliseconds } = await session.run({ [integers.input]: image });
        // The first run finds memory.
        if (run > 0) times[i]?.push(milliseconds);
      }
    }
    const [float, integer] = times.map((list) => list.sort((a, b) => a - b)[RUNS >> 1] as number) as [number, number];
    return { milliseconds: { float, integer }, size };
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}
