import { foldConstants } from "@slimsr/core/internal/export/fold.js";
import { exampleOf } from "@slimsr/core/internal/export/onnx.js";
import { Graph, graft, liveNodes, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { imageNames } from "@slimsr/core/internal/model/descriptor.js";
import { tailConvolutions } from "@slimsr/core/internal/model/features.js";
import { importedModel } from "@slimsr/core/internal/model/imported.js";
import { instantiate, type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { abs, Conv, Relu, reduceMax } from "@slimsr/core/internal/operators/index.js";
import {
  type ActivationRounding,
  type ConvolutionStart,
  fakeQuantised,
  type LearnedRange,
} from "@slimsr/core/internal/quantisation/fake.js";
import {
  type ActivationScale,
  LARGEST_CODE,
  largestActivationCode,
  largestWeightCode,
} from "@slimsr/core/internal/quantisation/integers.js";
import { planQuantisation, type QuantisationPlan } from "@slimsr/core/internal/quantisation/plan.js";
import { dequantised } from "@slimsr/core/internal/quantisation/qdq.js";
import { quantisable, requireFloat } from "@slimsr/core/internal/quantisation/quantisable.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { batchesOf, inRange, type Patches, patchShape } from "../calibration/batches.js";
import { createSession } from "../engine/session.js";
import { equalise, scaleChannels } from "../slimming/alignment/equalise.js";
import type { Stage } from "../stage.js";
import { withAlikeRanges } from "./alike-ranges.js";
import { type CalibrationOptions, calibrate } from "./calibrate.js";
import { FINE_BITS } from "./processor.js";
import { areLevels, requireIntegers } from "./quantise.js";

/**
 * Whose roundings a network is trained with. `ours`: what lies between convolutions in bytes, scales of activations and filters learned, from the closed form's
 * start; `pams` (Li et al. 2020) and `pact` (Choi et al. 2018): what convolutions of the body read alone, with learned ends, and weights by each layer's largest.
 */
export type RoundingMethod = "ours" | "pams" | "pact";

export interface TrainableOptions {
  readonly method: RoundingMethod;
  /** Of weights, their sign among them, and of the activations that convolutions read. */
  readonly bits: number;
  readonly activationBits: number;
  readonly stage: Stage;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A network that rounds as one of integers would, and can be trained so: its own parameters and the ranges'.
 * @param patches images in 0..255
 * @throws NetworkError where nothing can be quantised, or the network is quantised already
 */
export const trainable = (student: Model, patches: Patches, options: TrainableOptions): Promise<Model> =>
  (options.method === "ours" ? fromClosedForm : asPublished)(student, patches, options);

async function fromClosedForm(
  student: Model,
  given: Patches,
  { bits, activationBits, stage, signal }: TrainableOptions,
): Promise<Model> {
  // Of few bits the head's and the tail's noise would go straight into the image.
  const isFine = bits >= FINE_BITS && activationBits === 8;
  const inLevels = isFine && areLevels(given);
  const { model: prepared, descriptor } = quantisable(student, inLevels, isFine);
  // What Adam can begin from; the units bring its steps back from alike ranges to this.
  const { model } = equalise(prepared);
  const planOf = (graph: Graph) =>
    planQuantisation(graph, { keepFloat: isFine ? [] : tailOf(graph), inLevels, oneScale: true });
  const whole = planOf(model.graph);
  requireIntegers(whole, student);
  const patches = inRange(descriptor, given);
  const scaled = await withAlikeRanges(model, whole, patches);
  const plan = planOf(instantiate(scaled, patchShape(patches, 1), imageNames(descriptor)));
  const levels: ActivationScale = { scale: descriptor.range / LARGEST_CODE, zeroPoint: 0 };
  const options: CalibrationOptions = { bits, activationBits, levels };
  const { activations, reads, convolutions } = await stage("quantise", "nodes", (onNode) =>
    calibrate(plan, patches, { ...options, onNode, signal }),
  );
  const roundings = (scales: ReadonlyMap<Value, ActivationScale>) =>
    new Map([...scales].map(([root, scale]) => [root, roundingOf(scale, scale === levels ? "fixed" : "logarithm")]));
  return fakeQuantised(scaled, plan, {
    weightBits: bits,
    activations: roundings(activations),
    reads: roundings(reads),
    convolutions: new Map(
      [...convolutions].map(([node, integers]): [Node, ConvolutionStart] => [
        node,
        { ...dequantised(integers), scales: integers.scales },
      ]),
    ),
    units: unitsOf(scaled, model),
  });
}

/** Of each parameter's numbers, how many times those of the same network that they are. */
const unitsOf = (scaled: Model, { parameters }: Model): Map<string, Float32Array> =>
  new Map(
    [...scaled.parameters].map(([name, { data }]) => {
      const before = parameters.get(name)?.data as Float32Array;
      return [name, data.map((number, i) => (before[i] ? number / before[i] : 1))];
    }),
  );

export const roundingOf = (
  { scale, zeroPoint, largest = LARGEST_CODE }: ActivationScale,
  learns: LearnedRange,
): ActivationRounding => ({ scale, low: -zeroPoint, high: largest - zeroPoint, learns });

async function asPublished(
  student: Model,
  given: Patches,
  { method, bits, activationBits }: TrainableOptions,
): Promise<Model> {
  requireFloat(student);
  const { descriptor } = student;
  const imported = importedModel(foldConstants(exampleOf(student)), {
    name: nameOf(student),
    ...{ range: descriptor.range, size: descriptor.size, reach: descriptor.reach },
  });
  const model = evenGroups(imported);
  const patches = inRange(descriptor, given);
  const graph = instantiate(model, patchShape(patches, 1), imageNames(descriptor));
  const plan = bodyPlan(graph);
  requireIntegers(plan, student);
  const nodes = liveNodes(graph).filter((node) => node.operator === Conv && plan.arithmetic(node) === "integer");
  const inputs = [...new Set(nodes.map(({ inputs: [x] }) => x as Value))];
  const ends = await largestOf(graph, inputs, patches);
  const symmetric = largestWeightCode(activationBits);
  const unsigned = largestActivationCode(activationBits);
  const reads = inputs.map((value, i): [Value, ActivationRounding] => {
    const isPositive = method === "pact" && value.producer?.operator === Relu;
    const [low, high] = isPositive ? [0, unsigned] : [-symmetric, symmetric];
    const scaleGradient = method === "pact" ? "clipping" : "rounding";
    return [plan.rootOf(value), { low, high, scale: (ends[i] as number) / high, learns: "end", scaleGradient }];
  });
  return fakeQuantised(model, plan, {
    weightBits: bits,
    activations: new Map(),
    reads: new Map(reads),
    convolutions: new Map(
      nodes.map((node): [Node, ConvolutionStart] => {
        const [, weight, bias] = node.inputs;
        return [
          node,
          { weight: weight?.data as Float32Array, bias: (bias?.data ?? new Float32Array()) as Float32Array },
        ];
      }),
    ),
  });
}

/** The same network with each group's channels scaled alike so that weights are of one size, as `equalise` does channel by channel: their ranges stay what they are to each other. */
function evenGroups(model: Model): Model {
  const { scales } = equalise(model);
  const factors = scales.map((each) => {
    const mean = Math.exp(each.reduce((sum, scale) => sum + Math.log(scale), 0) / each.length);
    return each.map(() => mean);
  });
  return scaleChannels(model, factors);
}

/** Weights of the tail's convolutions. */
const tailOf = (graph: Graph): string[] =>
  tailConvolutions(graph).flatMap(({ inputs: [, weight] }) => (weight ? [weight.name] : []));

/** Convolutions between a network's first and its tail alone. */
function bodyPlan(graph: Graph): QuantisationPlan {
  const plan = planQuantisation(graph, { keepFloat: tailOf(graph) });
  return {
    ...plan,
    arithmetic: (node) => (node.operator === Conv ? plan.arithmetic(node) : "float"),
    rootOf: (value) => value,
    rectified: new Map(),
  };
}

/** Patches that are run at once. */
const BATCH = 8;
/** Where nothing was seen, so that ranges are no points. */
const LEAST = 1e-3;

/** The mean over images of each value's largest number. */
async function largestOf(source: Graph, values: readonly Value[], patches: Patches): Promise<number[]> {
  const sums = values.map(() => 0);
  for (const part of batchesOf(patches, BATCH)) {
    const shape = patchShape(part, part.count);
    const graph = new Graph("largest");
    const known = new Map([[source.inputs[0] as Value, graph.input("lr", shape)]]);
    for (const [i, value] of graft(source, graph, known, values).entries()) {
      graph.output(`largest.${i}`, reduceMax(abs(value), { axes: [1, 2, 3] }));
    }
    const session = await createSession(graph, { spinning: false });
    try {
      const { outputs } = await session.run({ lr: float32(part.data, shape) });
      values.forEach((_, i) => {
        const each = Array.from((outputs[`largest.${i}`] as Tensor).data as Float32Array);
        sums[i] = each.reduce((sum, largest) => sum + largest, sums[i] as number);
      });
    } finally {
      await session.close();
    }
  }
  return sums.map((sum) => Math.max(sum / patches.count, LEAST));
}
