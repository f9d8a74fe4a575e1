import { Graph, type Value } from "@slimsr/core/internal/graph/index.js";
import { applyModel, channelAnalysis, constantSource, type Model } from "@slimsr/core/internal/model/model.js";
import { abs, reduceMax } from "@slimsr/core/internal/operators/index.js";
import type { QuantisationPlan } from "@slimsr/core/internal/quantisation/plan.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { batchesOf, type Patches, patchShape } from "../calibration/batches.js";
import { createSession } from "../engine/session.js";
import { scaleChannels } from "../slimming/alignment/equalise.js";

/** Patches that are run at once. */
const BATCH = 8;

/**
 * The same network with each channel scaled so that all channels of an activation have alike ranges: integers of one scale for all of
 * them then are as fine in each (Nagel et al. 2019, section 4.1; here ranges of activations take the place of those of weights, for
 * weights have a scale for each filter). What lies between must be homogeneous, as a rectifier is.
 */
export async function withAlikeRanges(model: Model, plan: QuantisationPlan, patches: Patches): Promise<Model> {
  const { groups, channelsOf } = channelAnalysis(model);
  const taps = quantisedValues(plan).filter((value) => value.shape.length === 4 && channelsOf(value));
  const ranges = await rangesOf(model, taps, patches);
  const factors = groups.map(({ first, size, freedom }) => {
    if (freedom === "permutation") return new Float64Array(size).fill(1);
    const most = new Float64Array(size);
    taps.forEach((tap, t) => {
      channelsOf(tap)?.forEach((unit, c) => {
        if (unit === undefined || unit < first || unit >= first + size) return;
        most[unit - first] = Math.max(most[unit - first] as number, (ranges[t] as Float64Array)[c] as number);
      });
    });
    return factorsFor(most);
  });
  return scaleChannels(model, factors);
}

/** Channels of less than this share of the largest range are hardly there: they are scaled no further. */
const LEAST = 1 / 64;

/** What brings all ranges to their mean. */
function factorsFor(ranges: Float64Array): Float64Array {
  const largest = Math.max(...ranges);
  if (!(largest > 0)) return ranges.map(() => 1);
  const bounded = ranges.map((range) => Math.max(range, LEAST * largest));
  const mean = Math.exp(bounded.reduce((sum, range) => sum + Math.log(range), 0) / bounded.length);
  return bounded.map((range) => mean / range);
}

/** What integer nodes read and write, as it is after rectifiers. */
function quantisedValues({ graph, arithmetic, rootOf }: QuantisationPlan): Value[] {
  const integer = graph.nodes.filter((node) => arithmetic(node) === "integer");
  const values = integer.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const activations = values.filter((value): value is Value => value?.producer !== undefined);
  return [...new Set(activations.map(rootOf))];
}

/** Of each activation's channels, the mean over batches of the largest absolute value. */
async function rangesOf(model: Model, taps: readonly Value[], patches: Patches): Promise<Float64Array[]> {
  const batches = batchesOf(patches, BATCH);
  const ranges = taps.map(({ shape }) => new Float64Array(shape[1] as number));
  for (const part of batches) {
    const shape = patchShape(part, part.count);
    const graph = new Graph("ranges");
    const known = new Map<Value, Value>();
    applyModel(model, graph.input("lr", shape), constantSource(graph, model.parameters), known);
    taps.forEach((tap, t) => {
      graph.output(`range.${t}`, reduceMax(abs(known.get(tap) as Value), { axes: [0, 2, 3] }));
    });
    const session = await createSession(graph, { spinning: false });
    try {
      const { outputs } = await session.run({ lr: float32(part.data, shape) });
      for (const [t, range] of ranges.entries()) {
        const own = outputs[`range.${t}`]?.data as Float32Array;
        for (let c = 0; c < range.length; c++) range[c] = (range[c] as number) + (own[c] as number) / batches.length;
      }
    } finally {
      await session.close();
    }
  }
  return ranges;
}
