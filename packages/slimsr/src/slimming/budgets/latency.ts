import { NetworkError } from "@slimsr/core/internal/errors.js";
import { exportModel } from "@slimsr/core/internal/export/onnx.js";
import { elements } from "@slimsr/core/internal/graph/index.js";
import { HD_OUTPUT } from "@slimsr/core/internal/model/cost.js";
import { channelAnalysis } from "@slimsr/core/internal/model/model.js";
import { materialise, splitByCounts } from "@slimsr/core/internal/model/split.js";
import { createSession } from "@slimsr/upscaler/internal/node/session.js";
import { float32 } from "@slimsr/upscaler/internal/session.js";
import type { AlignedTeacher } from "../aligned-teacher.js";
import type { Budget } from "./allocate.js";
import { costModel } from "./student-cost.js";
import { uniformCounts, widestOf } from "./uniform-widths.js";

/**
 * The share of multiply-accumulates of the widest uniform student that takes at most `milliseconds` for a 1280×720 output on this
 * machine's CPU, found by bisection; weights don't matter for the time, so students are only sliced.
 * @throws NetworkError where even the slimmest student takes longer
 */
export async function latencyBudget({ model }: AlignedTeacher, milliseconds: number): Promise<Budget> {
  const { scale } = model.descriptor;
  const shape = [1, 3, Math.floor(HD_OUTPUT.height / scale), Math.floor(HD_OUTPUT.width / scale)];
  const timeOf = (kept: number): Promise<number> => {
    const split = splitByCounts(model.places.values(), channelAnalysis(model), uniformCounts(model, kept));
    return medianTime(exportModel({ ...model, parameters: materialise(model.parameters, split) }), shape);
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

async function medianTime(onnx: Uint8Array, shape: readonly number[]): Promise<number> {
  const session = await createSession(onnx);
  try {
    const lr = float32(new Float32Array(elements(shape)).fill(128), shape);
    await session.run({ lr });
    const times: number[] = [];
    for (let run = 0; run < 3; run++) {
      const start = performance.now();
      await session.run({ lr });
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[1] as number;
  } finally {
    await session.close();
  }
}
