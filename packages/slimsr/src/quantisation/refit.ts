import { applyLike, elements, intOr, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { Conv, sub } from "@slimsr/core/internal/operators/index.js";
import type { FloatConvolution } from "@slimsr/core/internal/quantisation/qdq.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { EquationSums } from "../slimming/refitting/equation-sums.js";
import { NormalEquations } from "../slimming/refitting/normal-equations.js";
import { ridgeFor } from "../slimming/refitting/ridge.js";
import type { NodeRunner } from "./node-runner.js";
import type { Batches } from "./value-batches.js";

/** Relative to the mean energy of what a convolution reads. */
const RIDGE = 1e-4;

/** One group of a convolution's filters, solved anew. */
export interface RefittedGroup extends FloatConvolution {
  /** H = Σ a·aᵀ of the features a that its filters read, [F, F], tap by tap, the constant last. */
  readonly gram: Float64Array;
  readonly taps: number;
  /** The damping that it was solved with, relative to the features' mean energy. */
  readonly ridge: number;
}

/** Whether a node is a convolution by constants, with a bias. */
export const isLayer = ({ operator, inputs: [, weight, bias] }: Node): boolean =>
  operator === Conv && weight?.data instanceof Float32Array && bias?.data instanceof Float32Array;

/** What a convolution's weights and bias are where nothing is rounded. @param node a layer */
export const ownOf = ({ inputs: [, weight, bias] }: Node): FloatConvolution => ({
  weight: weight?.data as Float32Array,
  bias: bias?.data as Float32Array,
});

/**
 * A convolution solved anew, by least squares from what it reads to what it should make, in each of its groups.
 * @param inputs what it reads, in batches, and `ideals` what it should make of them
 * @param start what it stays near where these don't tell
 * @throws NetworkError where these aren't finite
 */
export async function refitted(
  runner: NodeRunner,
  node: Node,
  { inputs, ideals }: { readonly inputs: Batches; readonly ideals: Batches },
  start: FloatConvolution = ownOf(node),
): Promise<RefittedGroup[]> {
  const [, weightPlace] = node.inputs as [Value, Value];
  const shape = weightPlace.shape as [number, number, number, number];
  const [filters, channels, ...kernel] = shape;
  const taps = elements(kernel);
  const groups = intOr(node.attributes, "group", 1);
  const features = channels * taps + 1;
  const sums = new EquationSums(node, { filters, channels, groups }, ["gram", "cross"]);
  for (const [i, input] of inputs.entries()) {
    const ideal = ideals[i] as Tensor;
    const tensors = [input, ideal, float32(start.weight, shape), float32(start.bias, [filters])];
    const outputs = await runner.run(tensors, (graph, [read, wanted, ...parameters]) => {
      const [own] = applyLike(node, graph, [read, ...parameters]) as [Value];
      sums.declare(read as Value, sub(wanted as Value, own));
    });
    sums.add(outputs);
  }
  const each = filters / groups;
  const [gram, cross] = [sums.gram(), sums.cross()];
  const ridge = ridgeFor(RIDGE, features, sums.positions);
  return Array.from({ length: groups }, (_, g) => {
    const own = gram.slice(g * features ** 2, (g + 1) * features ** 2);
    const part = <T extends Float32Array | Float64Array>(list: T, size: number) =>
      list.slice(g * each * size, (g + 1) * each * size) as T;
    const equations = new NormalEquations(own, features, taps, ridge, weightPlace.name);
    const solved = equations.improve(part(cross, features), {
      weight: part(start.weight, channels * taps),
      bias: part(start.bias, 1),
    });
    return { weight: solved.weight, bias: solved.bias as Float32Array, gram: own, taps, ridge };
  });
}

/** The convolution of all groups. */
export function ofGroups(groups: readonly RefittedGroup[]): FloatConvolution {
  const all = (part: "weight" | "bias") => Float32Array.from(groups.flatMap((group) => [...group[part]]));
  return { weight: all("weight"), bias: all("bias") };
}
