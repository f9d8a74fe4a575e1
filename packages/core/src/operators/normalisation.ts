import { GraphError } from "../errors.js";
import {
  type Attributes,
  type ChannelRule,
  float,
  floatOr,
  type GradientRule,
  intOr,
  type Node,
  type Operands,
  sameShape,
  type TensorType,
  type Value,
} from "../graph/index.js";
import { channelsAlong, reachAlong } from "./along-axes.js";
import { single } from "./apply.js";
import { add, div, mul, sub } from "./arithmetic.js";
import { operator } from "./declare.js";
import { exp, sign, sqrt } from "./functions.js";
import { unaryGradient, unbroadcast } from "./gradient-rules.js";
import { reduceL1, reduceMean, reduceSum, reduceSumSquare } from "./reductions.js";
import { Reshape, reshape } from "./reshaping.js";
import { shapeOf } from "./sizes.js";

const epsilonOf = (attributes: Attributes): number => floatOr(attributes, "epsilon", 1e-5);

/** [C] as [C, 1, …], which broadcasts along the channels of x. */
const alongChannels = (value: Value, x: Value): Value =>
  reshape(value, [value.shape[0] as number, ...x.shape.slice(2).map(() => 1)]);

/** [N, C, …] → [C] */
const sumOfChannels = (x: Value): Value =>
  reduceSum(x, { axes: x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])) });

interface Standardised {
  /** x̂ = (x − μ)·r */
  readonly normal: Value;
  /** r = 1 / √(σ² + ε) */
  readonly inverse: Value;
}

const inverseDeviation = (variance: Value, epsilon: number): Value => div(1, sqrt(add(variance, epsilon)));

/** x with mean 0 and variance 1 over the axes. */
function standardised(x: Value, axes: readonly number[], epsilon: number): Standardised {
  const centred = sub(x, reduceMean(x, { axes, keep: true }));
  const inverse = inverseDeviation(reduceMean(mul(centred, centred), { axes, keep: true }), epsilon);
  return { normal: mul(centred, inverse), inverse };
}

/** dx = r·(g − mean(g) − x̂·mean(g·x̂)), with g the gradient of x̂. */
function standardisedGradient(g: Value, { normal, inverse }: Standardised, axes: readonly number[]): Value {
  const mean = (value: Value) => reduceMean(value, { axes, keep: true });
  return mul(inverse, sub(sub(g, mean(g)), mul(normal, mean(mul(g, normal)))));
}

/** y = x̂·γ + β. */
const layerGradient: GradientRule = (node, [dy, ...others], wanted) => {
  if (others.some((gradient) => gradient !== undefined)) {
    throw new GraphError(
      `LayerNormalization (output ${node.outputs[0]?.name}) has no gradient rule for its mean and deviation`,
    );
  }
  if (!dy) return [];
  const [x, scale, bias] = node.inputs as [Value, Value, Value | undefined];
  const axes = normalisedAxes(node);
  const standard = standardised(x, axes, epsilonOf(node.attributes));
  return [
    wanted[0] ? standardisedGradient(mul(dy, scale), standard, axes) : undefined,
    wanted[1] ? unbroadcast(mul(dy, standard.normal), scale.shape) : undefined,
    bias && wanted[2] ? unbroadcast(dy, bias.shape) : undefined,
  ];
};

/** From `axis` to the last. */
function normalisedAxes({ attributes, inputs }: Pick<Node, "attributes" | "inputs">): number[] {
  const { length } = (inputs[0] as Value).shape;
  const axis = intOr(attributes, "axis", -1);
  const first = axis < 0 ? axis + length : axis;
  return Array.from({ length: length - first }, (_, i) => first + i);
}

/** Its further outputs are the mean and 1 / √(σ² + ε). */
export const LayerNormalization = operator("LayerNormalization", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    operands.axis(intOr(operands.attributes, "axis", -1), shape.length);
    const axes = normalisedAxes(operands);
    const statistics = { dtype, shape: shape.map((size, axis) => (axes.includes(axis) ? 1 : size)) };
    return [{ dtype, shape }, statistics, statistics];
  },
  gradient: layerGradient,
  channels: channelsAlong(normalisedAxes, "permutation"),
  learned: [1, 2],
  optionalOutputs: true,
});

/** Acts on each channel by itself, with one number a channel of each parameter. */
const perChannel: ChannelRule = (node, trace) => {
  const [x, ...parameters] = node.inputs as [Value, ...Value[]];
  const channels = trace.of(x) ?? [];
  for (const parameter of parameters) trace.record(parameter, 0, channels, "scales");
  trace.restrict(channels, "permutation");
  trace.set(node.outputs[0] as Value, channels);
};

export const InstanceNormalization = operator("InstanceNormalization", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const channels = shape[1] ?? operands.fail("needs a batch and a channel axis");
    for (const i of [1, 2]) {
      const parameter = operands.required(i);
      if (!sameShape(parameter.shape, [channels])) operands.fail(`${parameter.name} must have shape [${channels}]`);
    }
    return [{ dtype, shape }];
  },
  // y = x̂·γ + β, of each channel by itself.
  gradient: (node, [dy], wanted) => {
    if (!dy) return [];
    const [x, scale] = node.inputs as [Value, Value];
    const axes = x.shape.map((_, axis) => axis).slice(2);
    const standard = standardised(x, axes, epsilonOf(node.attributes));
    return [
      wanted[0] ? standardisedGradient(mul(dy, alongChannels(scale, x)), standard, axes) : undefined,
      wanted[1] ? sumOfChannels(mul(dy, standard.normal)) : undefined,
      wanted[2] ? sumOfChannels(dy) : undefined,
    ];
  },
  channels: perChannel,
  learned: [1, 2],
});

/** Channels in groups, each standardised over its channels and positions; a scale and a bias a channel, or a group. */
export const GroupNormalization = operator("GroupNormalization", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const groups = intOr(operands.attributes, "num_groups", 0);
    const channels = shape[1] ?? operands.fail("needs a batch and a channel axis");
    if (groups < 1 || channels % groups !== 0) operands.fail(`${channels} channels don't divide into ${groups} groups`);
    for (const i of [1, 2]) {
      const { name, shape } = operands.required(i);
      if (shape.length !== 1 || (shape[0] !== channels && shape[0] !== groups)) {
        operands.fail(`${name} must have shape [${channels}]`);
      }
    }
    return [{ dtype, shape }];
  },
  decompose: ({ attributes }, inputs) => {
    const [x, scale, bias] = inputs as [Value, Value, Value];
    const groups = intOr(attributes, "num_groups", 1);
    const ofGroups = scale.shape[0] === groups && bias.shape[0] === groups;
    const numbers = (value: number) => x.graph.constant(new Float32Array(groups).fill(value), [groups]);
    const grouped = single(Reshape, [x, x.graph.integers([0, groups, -1])]);
    const [factor, offset] = ofGroups ? [scale, bias] : [numbers(1), numbers(0)];
    const normal = single(InstanceNormalization, [grouped, factor, offset], { epsilon: float(epsilonOf(attributes)) });
    const whole = single(Reshape, [normal, shapeOf(x)]);
    return [ofGroups ? whole : add(mul(whole, alongChannels(scale, x)), alongChannels(bias, x))];
  },
});

/** y = eˣ / Σ eˣ */
export const Softmax = operator("Softmax", {
  shape: likeFirstAlongAxis,
  // dx = y·(dy − Σ y·dy)
  gradient: unaryGradient((dy, _x, y, node) => mul(y, sub(dy, sumAlong(mul(y, dy), node)))),
  channels: channelsAlong(axisOf, "permutation"),
  reach: reachAlong(axisOf),
});

export const LogSoftmax = operator("LogSoftmax", {
  shape: likeFirstAlongAxis,
  // dx = dy − eʸ·Σ dy
  gradient: unaryGradient((dy, _x, y, node) => sub(dy, mul(exp(y), sumAlong(dy, node)))),
  channels: channelsAlong(axisOf, "permutation"),
  reach: reachAlong(axisOf),
});

/** y = x / |x|, by the sum of absolute values or the root of that of squares. */
export const LpNormalization = operator("LpNormalization", {
  shape: (operands) => {
    const order = intOr(operands.attributes, "p", 2);
    if (order !== 1 && order !== 2) operands.fail(`norm ${order} is not supported; 1 and 2 are`);
    return likeFirstAlongAxis(operands);
  },
  // d|x| = sign(x) or x / |x|, which is y: dx = (dy − d|x|·Σ y·dy) / |x|
  gradient: unaryGradient((dy, x, y, node) => {
    const options = { axes: axisOf(node), keep: true };
    const first = intOr(node.attributes, "p", 2) === 1;
    const norm = first ? reduceL1(x, options) : sqrt(reduceSumSquare(x, options));
    return div(sub(dy, mul(first ? sign(x) : y, sumAlong(mul(y, dy), node))), norm);
  }),
  channels: channelsAlong(axisOf, "permutation"),
  reach: reachAlong(axisOf),
});

/** The one axis that `axis` names: the last by default. */
function axisOf({ attributes, inputs }: Pick<Node, "attributes" | "inputs">): number[] {
  const axis = intOr(attributes, "axis", -1);
  return [axis < 0 ? axis + (inputs[0] as Value).shape.length : axis];
}

function likeFirstAlongAxis(operands: Operands): readonly TensorType[] {
  const { dtype, shape } = operands.required(0);
  if (shape.length > 0) operands.axis(intOr(operands.attributes, "axis", -1), shape.length);
  return [{ dtype, shape }];
}

const sumAlong = (x: Value, node: Node): Value => reduceSum(x, { axes: axisOf(node), keep: true });
