import { differentiate } from "@slimsr/core/internal/differentiate/index.js";
import { Graph, type Value } from "@slimsr/core/internal/graph/index.js";
import { applyModel, constantSource, type Model } from "@slimsr/core/internal/model/model.js";
import { matMul, mul, reduceMean, reduceSum, reshape } from "@slimsr/core/internal/operators/index.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { compile } from "../engine/compile.js";
import { SessionsBySize } from "../engine/sessions-by-size.js";
import { alone, type Exchange } from "../exchange/exchange.js";
import { randomSigns } from "../random.js";
import { batchesOf, type Patches, patchShape } from "./batches.js";
import { outputShape, probeOf } from "./output-error.js";

/** Moments of one activation's channels over all positions of all calibration patches, in float64. */
export interface Moments {
  /** E[x], [C]. */
  readonly mean: Float64Array;
  /** E[x xᵀ], [C, C]. */
  readonly second: Float64Array;
  /** E[g gᵀ], [C, C], of the gradients g of the output with respect to x: see `measureMoments`. */
  readonly gradient: Float64Array;
}

export interface MomentOptions {
  /** Patches that are run at once; 8 where left out. */
  batch?: number;
  onBatch?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
  /** Ranks that share the batches out; this process alone where left out. */
  exchange?: Exchange | undefined;
}

/**
 * Runs the network over calibration patches and measures the moments of `taps`. The gradients are those of Σ ±Y(p) over the
 * output's pixels p with random signs, whose second moment is that of the Jacobian: E[g gᵀ] = Σ_p ∂Y(p)/∂x ∂Y(p)/∂xᵀ. Y is luma;
 * the colours join it with a smaller weight and signs of their own. An image of one channel is Y by itself.
 */
export async function measureMoments(
  model: Model,
  taps: readonly Value[],
  patches: Patches,
  { batch = 8, onBatch, signal, exchange = alone }: MomentOptions = {},
): Promise<Map<Value, Moments>> {
  const sums = new Map(taps.map((tap) => [tap, emptyMoments(tap.shape[1] as number)]));
  const sessions = new SessionsBySize((count) => compile(momentGraph(model, taps, patchShape(patches, count))));
  const signs = randomSigns(1);
  const batches = batchesOf(patches, batch);
  try {
    for (const [i, part] of batches.entries()) {
      signal?.throwIfAborted();
      const shape = patchShape(part, part.count);
      // Drawn for other ranks' batches too, so that each batch has the same on any number of ranks.
      const probe = probeOf(outputShape(model, shape), signs);
      if (i % exchange.size !== exchange.rank) continue;
      const session = await sessions.of(part.count);
      const { outputs } = await session.run({
        lr: float32(part.data, shape),
        probe: float32(probe, outputShape(model, shape)),
      });
      const share = part.count / patches.count;
      for (const [t, tap] of taps.entries()) {
        const sum = sums.get(tap) as Moments;
        accumulate(sum.mean, outputs[`mean.${t}`]?.data as Float32Array, share);
        accumulate(sum.second, outputs[`second.${t}`]?.data as Float32Array, share);
        accumulate(sum.gradient, outputs[`gradient.${t}`]?.data as Float32Array, share);
      }
      onBatch?.(i + 1, batches.length);
    }
  } finally {
    await sessions.close();
  }
  for (const { mean, second, gradient } of sums.values()) {
    for (const sum of [mean, second, gradient]) await exchange.sum(sum);
  }
  return sums;
}

const emptyMoments = (channels: number): Moments => ({
  mean: new Float64Array(channels),
  second: new Float64Array(channels ** 2),
  gradient: new Float64Array(channels ** 2),
});

function accumulate(sum: Float64Array, part: Float32Array, share: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + share * (part[i] as number);
}

/** What a batch's shares of the moments are, of images `lr` and what the output is multiplied with. */
export function momentGraph(model: Model, taps: readonly Value[], shape: readonly number[]): Graph {
  const graph = new Graph("moments");
  const known = new Map<Value, Value>();
  const output = applyModel(model, graph.input("lr", shape), constantSource(graph, model.parameters), known);
  const activations = taps.map((tap) => known.get(tap) as Value);
  const total = reduceSum(mul(output, graph.input("probe", outputShape(model, shape))));
  const gradients = differentiate(total, activations);
  activations.forEach((x, i) => {
    graph.output(`mean.${i}`, reduceMean(x, { axes: [0, 2, 3] }));
    graph.output(`second.${i}`, secondMoment(x));
    graph.output(`gradient.${i}`, secondMoment(gradients[i] as Value));
  });
  return graph;
}

/** E[x xᵀ] over batch and positions of x [N, C, H, W]. */
function secondMoment(x: Value): Value {
  const [count, channels, height, width] = x.shape as [number, number, number, number];
  const positions = height * width;
  const columns = reshape(x, [count, channels, positions]);
  const products = matMul(columns, columns, { transposeRight: true, scale: 1 / (count * positions) });
  return reduceSum(products, { axes: [0] });
}
