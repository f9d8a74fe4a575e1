import { NetworkError } from "@slimsr/core/internal/errors.js";
import { type Deployment, deploy } from "@slimsr/core/internal/export/deployment.js";
import { elements } from "@slimsr/core/internal/graph/index.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { HD_OUTPUT } from "@slimsr/core/internal/model/cost.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { materialise, splitByCounts } from "@slimsr/core/internal/model/split.js";
import { float32, type SessionOptions } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession } from "@slimsr/upscaler/internal/node/session.js";
import type { Budget } from "./allocate.js";
import { costModel } from "./student-cost.js";
import { uniformCounts, widestOf } from "./uniform-widths.js";

/** Where a network's time is measured. */
export interface LatencyOptions extends Pick<SessionOptions, "device" | "threads"> {
  /** Size of the output in pixels; 1280×720 where left out. */
  readonly at?: Size;
}

/** How long one output may take on this machine. */
export interface TimeBudget extends LatencyOptions {
  readonly milliseconds: number;
}

/**
 * The share of multiply-accumulates of the widest uniform student that keeps to the time, found by bisection; weights don't matter
 * for the time, so students are only sliced.
 * @throws NetworkError where even the slimmest student takes longer; DeviceError where the device isn't there
 */
export async function latencyBudget(model: Model, { milliseconds, ...options }: TimeBudget): Promise<Budget> {
  const timeOf = (kept: number): Promise<number> => {
    const split = splitByCounts(model.places.values(), channelAnalysis(model), uniformCounts(model, kept));
    return latencyOf({ ...model, parameters: materialise(model.parameters, split) }, options);
  };
  const least = await timeOf(1);
  if (least > milliseconds) {
    throw new NetworkError(`a single channel a layer takes ${least.toFixed(0)} ms here, more than ${milliseconds} ms`);
  }
  // `fits` channels are fast enough, and as many as `exceeds` are too slow or more than there are.
  let [fits, exceeds] = [1, widestOf(model) + 1];
  while (exceeds - fits > 1) {
    const middle = Math.floor((fits + exceeds) / 2);
    if ((await timeOf(middle)) <= milliseconds) fits = middle;
    else exceeds = middle;
  }
  const macsOf = (kept: number) => costModel(model)(uniformCounts(model, kept)).macs;
  return { of: "macs", share: macsOf(fits) / macsOf(widestOf(model)) };
}

/** Milliseconds that a network takes for one output: the median of three runs. */
export function latencyOf(model: Model, { at = HD_OUTPUT, ...session }: LatencyOptions): Promise<number> {
  const { scale, channels } = model.descriptor;
  const [height, width] = [at.height, at.width].map((side) => Math.max(1, Math.floor(side / scale)));
  return medianTime(deploy(model), [1, channels.input, height as number, width as number], session);
}

async function medianTime(
  { onnx, input }: Deployment,
  shape: readonly number[],
  options: SessionOptions,
): Promise<number> {
  const session = await createSession(onnx, options);
  try {
    const image = { [input]: float32(new Float32Array(elements(shape)).fill(128), shape) };
    await session.run(image);
    const times: number[] = [];
    for (let run = 0; run < 3; run++) {
      const start = performance.now();
      await session.run(image);
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[1] as number;
  } finally {
    await session.close();
  }
}
