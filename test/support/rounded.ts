import { liveNodes, type Node, type Value } from "../../packages/core/src/graph/index.js";
import { instantiate, type Model } from "../../packages/core/src/model/model.js";
import { Conv } from "../../packages/core/src/operators/index.js";
import {
  type ActivationRounding,
  type ConvolutionStart,
  fakeQuantised,
} from "../../packages/core/src/quantisation/fake.js";
import { planQuantisation, rootsOfConvolutions } from "../../packages/core/src/quantisation/plan.js";
import { quantisable } from "../../packages/core/src/quantisation/quantisable.js";
import { Random } from "./random.js";

/** Pixels along a side of the image that the network is built for. */
export const SIDE = 12;

/** A network with roundings of its plan's values: activations of `bits` for convolutions, and of bytes else. */
export function rounded(source: Model, bits: number): Model {
  const { model } = quantisable(source);
  const plan = planQuantisation(instantiate(model, [1, 3, SIDE, SIDE]));
  const alone = rootsOfConvolutions(plan);
  // Scales without a ratio: few sums lie on a half.
  const random = new Random(bits);
  const rounding = (levels: number): ActivationRounding => ({
    ...{ scale: random.uniform(900, 1100) / levels, low: -Math.ceil(levels / 3), high: levels - Math.ceil(levels / 3) },
    learns: "logarithm",
  });
  const [activations, reads] = [new Map<Value, ActivationRounding>(), new Map<Value, ActivationRounding>()];
  const convolutions = new Map<Node, ConvolutionStart>();
  for (const node of liveNodes(plan.graph)) {
    if (plan.arithmetic(node) === "float") continue;
    for (const value of [...node.inputs, ...node.outputs]) {
      if (!value?.producer) continue;
      const root = plan.rootOf(plan.rectified.get(value) ?? value);
      const isCoarse = bits === 8 || alone.has(root);
      if (!activations.has(root)) activations.set(root, rounding(2 ** (isCoarse ? bits : 8) - 1));
      if (!isCoarse && node.operator === Conv && value === node.inputs[0]) reads.set(root, rounding(2 ** bits - 1));
    }
    if (node.operator !== Conv) continue;
    const [, weight, bias] = node.inputs as [Value, Value, Value];
    const filters = weight.shape[0] as number;
    convolutions.set(node, {
      ...{ weight: weight.data as Float32Array, bias: bias.data as Float32Array },
      scales: random.floats(filters, 0.2, 0.4).map((largest) => largest / 2 ** (bits - 1)),
    });
  }
  return fakeQuantised(model, plan, { weightBits: bits, activations, reads, convolutions });
}
