import { GraphError } from "../errors.js";
import {
  elements,
  int,
  intOr,
  ints,
  intsOr,
  type Node,
  type Operands,
  ofFirst,
  type ShapeRule,
  type TensorType,
  text,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { div, mul } from "./arithmetic.js";
import { OWN_DOMAIN, operator } from "./declare.js";
import { geometryOf, requirePlanes } from "./geometry.js";
import { ScatterElements } from "./joining.js";
import { sharesOfEquals } from "./reductions.js";
import { expand, reshape } from "./reshaping.js";
import { type AxisMap, adjoint } from "./separable.js";
import { likeSecond } from "./shapes.js";
import { explicitWindow, slide, type WindowOptions, windowAttributes, windowOf, windowReach } from "./windows.js";

function pooled(operands: Operands): TensorType {
  const { dtype, shape } = operands.required(0);
  const [batch, channels, ...sizes] = shape;
  if (batch === undefined || channels === undefined) return operands.fail("needs a batch and a channel axis");
  const kernel = intsOr(operands.attributes, "kernel_shape", []);
  if (kernel.length !== sizes.length) operands.fail(`kernel_shape must have ${sizes.length} axes`);
  return { dtype, shape: [batch, channels, ...slide(operands, sizes, kernel)] };
}

const onePosition: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  return [{ dtype, shape: shape.map((size, i) => (i < 2 ? size : 1)) }];
};

/** Its second output are flat indices in x. */
export const MaxPool = operator("MaxPool", {
  shape: (operands) => {
    const output = pooled(operands);
    return [output, { dtype: "int64", shape: output.shape }];
  },
  // Each window's gradient goes to its largest element, the first of equals.
  gradient: (node, [dy]) => {
    requirePlanes(node);
    if (intOr(node.attributes, "storage_order", 0) !== 0) {
      throw new GraphError("MaxPool has a gradient rule for indices in row-major order only");
    }
    return [dy && maxPoolGradient(dy, node)];
  },
  channels: "scaling",
  reach: ofFirst(windowReach),
  optionalOutputs: true,
});

export const AveragePool = operator("AveragePool", {
  shape: (operands) => [pooled(operands)],
  gradient: (node, [dy]) => [dy && adjoint(dy, averages(node))],
  channels: "linear",
  reach: ofFirst(windowReach),
});

/** Each place's mean along each axis: over what is inside of the image, or of the image with its pads. */
function averages(node: Node): AxisMap[] {
  const { kernel, strides, pads } = windowOf(node);
  const whole = intOr(node.attributes, "count_include_pad", 0) !== 0;
  return kernel.map((taps, i) => {
    const [size, places] = [node.inputs[0], node.outputs[0]].map((value) => value?.shape[2 + i] as number);
    const outputs = Array.from({ length: places as number }, (_, at) => {
      const first = at * (strides[i] as number) - (pads[i] as number);
      const inside = Array.from({ length: taps }, (_, k) => first + k).filter((j) => j >= 0 && j < (size as number));
      const padded = Math.min(taps, (size as number) + (pads[i + kernel.length] as number) - first);
      return inside.map((j) => [j, 1 / (whole ? padded : inside.length)] as const);
    });
    return { axis: 2 + i, size: size as number, outputs };
  });
}

export const GlobalAveragePool = operator("GlobalAveragePool", {
  shape: onePosition,
  gradient: ({ inputs, outputs }, [dy]) => {
    const { shape } = inputs[0] as Value;
    const positions = elements(shape) / elements((outputs[0] as Value).shape);
    return [dy && expand(div(dy, positions), shape)];
  },
  channels: "linear",
});

export const GlobalMaxPool = operator("GlobalMaxPool", {
  shape: onePosition,
  gradient: ({ inputs, outputs }, [dy]) => {
    const [x, y] = [inputs[0], outputs[0]] as [Value, Value];
    const positions = x.shape.map((_, axis) => axis).slice(2);
    return [dy && mul(dy, sharesOfEquals(x, y, positions))];
  },
  channels: "scaling",
});

export const MaxUnpool = operator("MaxUnpool", {
  shape: (operands) => {
    const shape = operands.integers(2) ?? operands.fail("the output shape must be given");
    return [{ dtype: operands.required(0).dtype, shape }];
  },
});

/** Of dy, x, y and the indices of a max pooling from x to y: dy at the first largest element of each window, zeros elsewhere. */
export const MaxPoolGradient = operator("MaxPoolGradient", {
  domain: OWN_DOMAIN,
  shape: likeSecond,
  decompose: (node, inputs) => {
    const [dy, x, , indices] = inputs as [Value, Value, Value, Value];
    return [scatterWindows(dy, indices, x, node)];
  },
});

const maxPoolGradient = (dy: Value, node: Node): Value =>
  single(MaxPoolGradient, [dy, node.inputs[0], ...node.outputs], explicitWindow(node));

/** dx of a max pooling: each output's gradient added at the flat index of its maximum. */
function scatterWindows(dy: Value, indices: Value, x: Value, node: Node): Value {
  const count = elements(dy.shape);
  const zeros = expand(dy.graph.scalar(0), [elements(x.shape)]);
  const { kernel, strides, dilations } = geometryOf(node);
  const overlapping = kernel.some((taps, i) => (taps - 1) * (dilations[i] as number) + 1 > (strides[i] as number));
  const scattered = single(ScatterElements, [zeros, reshape(indices, [count]), reshape(dy, [count])], {
    axis: int(0),
    ...(overlapping && { reduction: text("add") }),
  });
  return reshape(scattered, x.shape);
}

/** Largest value of each window, and its flat index in x. */
export function maxPool(
  x: Value,
  kernel: readonly number[],
  options: WindowOptions = {},
): { output: Value; indices: Value } {
  const attributes = { kernel_shape: ints(kernel), ...windowAttributes(options) };
  const [output, indices] = x.graph.apply(MaxPool, [x], attributes) as [Value, Value];
  return { output, indices };
}

/** Mean of each window. */
export const averagePool = (x: Value, kernel: readonly number[], options: WindowOptions = {}): Value =>
  single(AveragePool, [x], { kernel_shape: ints(kernel), ...windowAttributes(options) });

/** Mean over all positions: [N, C, H, W] → [N, C, 1, 1]. */
export const globalAveragePool = (x: Value): Value => single(GlobalAveragePool, [x]);
