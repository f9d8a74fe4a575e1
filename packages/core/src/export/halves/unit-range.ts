import { GraphError } from "../../errors.js";
import { elements, Graph, isKnown, liveNodes, type Node, type Value } from "../../graph/index.js";
import {
  Abs,
  Add,
  AveragePool,
  Clip,
  Concat,
  Conv,
  ConvTranspose,
  DepthToSpace,
  Div,
  Expand,
  Flatten,
  Gather,
  GlobalAveragePool,
  GlobalMaxPool,
  Identity,
  LeakyRelu,
  Max,
  MaxPool,
  Mean,
  Min,
  Mul,
  mul,
  Neg,
  Pad,
  PRelu,
  ReduceMax,
  ReduceMean,
  ReduceMin,
  ReduceSum,
  Relu,
  Reshape,
  Resize,
  Slice,
  SpaceToDepth,
  Split,
  Squeeze,
  Sub,
  Sum,
  Tile,
  Transpose,
  Unsqueeze,
} from "../../operators/index.js";

/** f(s·x, …) = s · f(x, …) for their first operand and s > 0. */
const OF_FIRST = new Set(
  [Abs, AveragePool, DepthToSpace, Div, Expand, Flatten, Gather, GlobalAveragePool, GlobalMaxPool, Identity, LeakyRelu]
    .concat([MaxPool, Neg, PRelu, ReduceMax, ReduceMean, ReduceMin, ReduceSum, Relu, Reshape, Resize, Slice])
    .concat([SpaceToDepth, Split, Squeeze, Tile, Transpose, Unsqueeze]),
);

/** f(s·x, s·y, …) = s · f(x, y, …) for all their operands of floats. */
const OF_ALL = new Set([Add, Clip, Concat, Max, Mean, Min, Pad, Sub, Sum]);

/** f(s·x, w, s·b) = s · f(x, w, b) */
const OF_FIRST_AND_BIAS = new Set([Conv, ConvTranspose]);

/** Whether each of a node's operands, and its outputs, are scaled. */
interface Scaling {
  readonly inputs: readonly boolean[];
  readonly outputs: boolean;
}

/**
 * The network g within a network f of one image: f(x) = g(s·x) / s, so that pixel values and all that is in proportion to them are s
 * times as large. Where a function isn't homogeneous, as a sigmoid, what it is given has its own size.
 */
export function scaledWithin(source: Graph, s: number): Graph {
  const parameters = source.constants.map(({ name }) => name);
  const target = new Graph(source.name, [...source.outputs.keys(), ...parameters]);
  const own = new Map<Value, Value>();
  const scaled = new Map<Value, Value>();
  for (const value of source.inputs) scaled.set(value, target.input(value.name, value.shape, value.dtype));
  const carriers = new Set<Value>(source.inputs);
  const copyOf = (value: Value, isScaled: boolean): Value => {
    const [wanted, other] = isScaled ? [scaled, own] : [own, scaled];
    const known = wanted.get(value);
    if (known) return known;
    const copy = other.get(value);
    const made = copy ? mul(copy, isScaled ? s : 1 / s) : constantOf(target, value, isScaled ? s : 1);
    wanted.set(value, made);
    return made;
  };
  for (const node of liveNodes(source)) {
    const { inputs, outputs } = scalingOf(node, carriers);
    const operands = node.inputs.map((value, i) => value && copyOf(value, inputs[i] ?? false));
    target.apply(node.operator, operands, node.attributes).forEach((value, i) => {
      (outputs ? scaled : own).set(node.outputs[i] as Value, value);
      if (outputs) carriers.add(node.outputs[i] as Value);
    });
  }
  for (const [name, value] of source.outputs) target.output(name, copyOf(value, true));
  return target;
}

/** @param carriers values that are made scaled */
function scalingOf(node: Node, carriers: ReadonlySet<Value>): Scaling {
  const { operator, inputs, outputs } = node;
  const none: Scaling = { inputs: inputs.map(() => false), outputs: false };
  const carried = inputs.map((value) => value !== undefined && carriers.has(value));
  if (!carried.includes(true) || outputs.some(isKnown)) return none;
  const first = { inputs: inputs.map((_, i) => i === 0), outputs: true };
  if (OF_FIRST.has(operator)) return carried[0] && !carried.slice(1).includes(true) ? first : none;
  if (OF_FIRST_AND_BIAS.has(operator) && carried[0]) return { inputs: [true, false, true], outputs: true };
  if (OF_ALL.has(operator)) return { inputs: inputs.map((value) => value?.dtype === "float32"), outputs: true };
  // Of a product of two, one has its own size.
  if (operator === Mul) {
    const at = carried.indexOf(true);
    return { inputs: inputs.map((_, i) => i === at), outputs: true };
  }
  return none;
}

function constantOf(target: Graph, { data, shape, dtype, name }: Value, factor: number): Value {
  if (!data) throw new GraphError(`${name} is used before it is made`);
  if (factor === 1) return target.constant(data, shape, { dtype, name: target.unusedName(name) });
  const numbers = Float32Array.from({ length: elements(shape) }, (_, i) => Number(data[i]) * factor);
  return target.constant(numbers, shape, { name: target.unusedName(name) });
}
