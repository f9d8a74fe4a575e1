import { applyLike, elements, liveNodes, type Node, sameShape, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { layerOfWeight, type Split } from "@slimsr/core/internal/model/split.js";
import { type ParameterMap, required } from "@slimsr/core/internal/networks/index.js";
import { Add, add, concat, Div, div, Mul, mul, neg, Sub, slice, sub } from "@slimsr/core/internal/operators/index.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { batchesOf, type Patches } from "../../calibration/batches.js";
import { alone, type Exchange, ownOf } from "../../exchange/exchange.js";
import { activationBehind, passedByActivation } from "./activation.js";
import { EquationSums } from "./equation-sums.js";
import { type ConvolutionParameters, NormalEquations } from "./normal-equations.js";
import { passedBy, slopeBehind } from "./rectified.js";
import { groupsOf, isRefittable } from "./refittable.js";
import { ridgeFor } from "./ridge.js";
import { SideBySide } from "./side-by-side.js";

export interface RefitOptions {
  /** Damping relative to the mean energy of a convolution's inputs; 1e-4 where left out. */
  ridge?: number;
  /** Patches that are run at once; 8 where left out. */
  batch?: number;
  onConvolution?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
  /** Ranks that share the patches out; this process alone where left out. */
  exchange?: Exchange | undefined;
}

/** How often a convolution before a rectifier, or a function like one, is solved again for what that lets through. */
const RECTIFIED_PASSES = 3;

/** What a convolution is to yield: activation `value`, which it enters with `factor` after the addends `beside` it. */
interface Target {
  readonly value: Value;
  /** Other addends of the sum that the convolution's output goes into, as the student has them, with their signs. */
  readonly beside?: { readonly value: Value; readonly sign: 1 | -1 };
  /** Factor on the convolution's output on its way to the sum, the sum's sign included. */
  readonly factor: number;
}

/**
 * Solves a student's convolutions one after another, in the order of the data: each yields, by ridge least squares, the teacher's
 * values from the student's own inputs, so that later ones repair what earlier ones lost (He et al. 2017, section 3.2; here
 * with the residual's other addend taken from the student).
 * @param teacher in aligned channels, of which the student keeps the first
 * @param student sliced; its parameters are where the solution starts
 * @param split what the student keeps of the teacher
 * @throws NetworkError where activations aren't finite, naming the layer
 */
export async function refit(
  teacher: Model,
  student: Model,
  split: Split,
  patches: Patches,
  { ridge = 1e-4, batch = 8, onConvolution, signal, exchange: ranks = alone }: RefitOptions = {},
): Promise<Model> {
  const fitted: ParameterMap = new Map(student.parameters);
  const convolutions = liveNodes(teacher.graph).filter((node) => isRefittable(teacher, node));
  const unsolved = new Set(convolutions);
  // Of fewer patches than ranks each rank runs all.
  const exchange = patches.count < ranks.size ? alone : ranks;
  const batches = batchesOf(patches, Math.min(batch, Math.floor(patches.count / exchange.size)));
  const parameters = { teacher: teacher.parameters, student: fitted };
  const networks = new SideBySide(teacher, parameters, ownOf(batches, exchange));
  try {
    for (const [i, node] of convolutions.entries()) {
      signal?.throwIfAborted();
      await refitConvolution(networks, node, targetOf(networks, node, unsolved), fitted, split, { ridge, exchange });
      networks.release();
      unsolved.delete(node);
      onConvolution?.(i + 1, convolutions.length);
    }
  } finally {
    await networks.close();
  }
  return { ...student, parameters: fitted };
}

/** Solves one convolution and puts its parameters into `fitted`. */
async function refitConvolution(
  networks: SideBySide,
  node: Node,
  target: Target,
  fitted: ParameterMap,
  split: Split,
  { ridge, exchange }: Required<Pick<RefitOptions, "ridge">> & { readonly exchange: Exchange },
): Promise<void> {
  const [x, weightPlace, biasPlace] = node.inputs as [Value, Value, Value | undefined];
  const { shape, data } = required(fitted, weightPlace.name);
  const [filters, channels, ...kernel] = shape as [number, number, number, number];
  let solution: ConvolutionParameters = {
    weight: data,
    ...(biasPlace && { bias: required(fitted, biasPlace.name).data }),
  };
  const features = channels * elements(kernel) + (biasPlace ? 1 : 0);
  const groups = groupsOf(node, filters);
  let equations: NormalEquations[] | undefined;
  const slope = slopeBehind(networks.consumers(target.value), fitted);
  const activation =
    slope === undefined ? activationBehind(target.value, (value) => networks.consumers(value)) : undefined;
  const passes = slope === undefined && !activation ? 1 : 1 + RECTIFIED_PASSES;
  for (let pass = 0; pass < passes; pass++) {
    const sums = new EquationSums(node, { filters, channels, groups }, pass === 0 ? ["gram", "cross"] : ["cross"]);
    await networks.advance(
      { teacher: [target.value], student: target.beside ? [x, target.beside.value] : [x] },
      ({ teacher: [whole], student: [input, beside] }, feed) => {
        const ideal = keepChannels(whole as Value, split.get(weightPlace.name)?.get(0));
        const aside = beside && target.beside?.sign === -1 ? neg(beside) : beside;
        const { weight, bias } = solution;
        const parameters = [feed(float32(weight, shape)), ...(bias ? [feed(float32(bias, [filters]))] : [])];
        const [output] = applyLike(node, ideal.graph, [input, ...parameters]) as [Value];
        const scaled = target.factor === 1 ? output : mul(output, target.factor);
        const own = aside ? add(scaled, aside) : scaled;
        const passed = () =>
          activation ? passedByActivation(activation, ideal, own) : passedBy(slope ?? 1, ideal, own, feed);
        const wanted = pass === 0 || passes === 1 ? ideal : passed();
        const lacking = sub(wanted, own);
        const residual = target.factor === 1 ? lacking : div(lacking, target.factor);
        sums.declare(input as Value, residual);
      },
      (outputs) => sums.add(outputs),
    );
    await sums.exchange(exchange);
    const damping = ridgeFor(ridge, features, sums.positions);
    const layer = layerOfWeight(weightPlace);
    equations ??= partsOf(sums.gram(), groups).map(
      (own) => new NormalEquations(own, features, elements(kernel), damping, layer),
    );
    const [crosses, weights] = [partsOf(sums.cross(), groups), partsOf(solution.weight, groups)];
    const biases = solution.bias && partsOf(solution.bias, groups);
    const solved = equations.map((own, g) =>
      own.improve(crosses[g] as Float64Array, {
        weight: weights[g] as Float32Array,
        ...(biases && { bias: biases[g] as Float32Array }),
      }),
    );
    solution = {
      weight: joined(solved.map(({ weight }) => weight)),
      ...(biases && { bias: joined(solved.map(({ bias }) => bias as Float32Array)) }),
    };
  }
  fitted.set(weightPlace.name, { shape, data: solution.weight });
  if (biasPlace && solution.bias) fitted.set(biasPlace.name, { shape: [filters], data: solution.bias });
}

/** An array in equal parts. */
function partsOf<Numbers extends Float32Array | Float64Array>(numbers: Numbers, count: number): Numbers[] {
  const size = numbers.length / count;
  return Array.from({ length: count }, (_, i) => numbers.subarray(i * size, (i + 1) * size) as Numbers);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const [first, ...others] = parts as [Float32Array, ...Float32Array[]];
  if (others.length === 0) return first;
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The channels of `value` that the student keeps. */
function keepChannels(value: Value, kept: readonly { start: number; end: number }[] | undefined): Value {
  return kept
    ? concat(
        kept.map((range) => slice(value, [{ axis: 1, ...range }])),
        1,
      )
    : value;
}

/**
 * Where a convolution's output goes on into a sum, and nowhere else, the sum is the target: what the student's other addend
 * lacks is then made up for. Elsewhere it is the convolution's own output.
 */
function targetOf(networks: SideBySide, node: Node, unsolved: ReadonlySet<Node>): Target {
  const own = node.outputs[0] as Value;
  let at = own;
  let factor = 1;
  for (;;) {
    const [reader, another] = networks.consumers(at);
    if (!reader || another) break;
    const [first, second] = reader.inputs as [Value, Value | undefined];
    const operand = reader.operator === Mul && second === at ? first : second;
    const number = operand?.data && elements(operand.shape) === 1 ? Number(operand.data[0]) : undefined;
    if (number !== undefined && operand !== at && (reader.operator === Mul || reader.operator === Div)) {
      factor *= reader.operator === Mul ? number : 1 / number;
      at = reader.outputs[0] as Value;
      continue;
    }
    if (!second || second === first || (reader.operator !== Add && reader.operator !== Sub)) break;
    const other = first === at ? second : first;
    const known = other.producer !== undefined && !networks.ahead("student", other).some((each) => unsolved.has(each));
    const sum = reader.outputs[0] as Value;
    // A sum that repeats the convolution's output over positions or channels has more values than weights can answer for.
    if (!known || other.shape.length !== 4 || !sameShape(sum.shape, own.shape)) break;
    const minus = reader.operator === Sub;
    return {
      value: sum,
      beside: { value: other, sign: minus && first === at ? -1 : 1 },
      factor: minus && second === at ? -factor : factor,
    };
  }
  return { value: own, factor: 1 };
}
