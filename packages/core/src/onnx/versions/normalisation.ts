import { floatOr, intOr } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import { elements } from "../../graph/types.js";
import { add, div, Mul, mul, Reshape, reduceMean, shapeOf, sqrt, sub } from "../../operators/index.js";
import { type FileNode, refuse, type Upgrade } from "../node.js";

const floatsOf = (node: FileNode, index: number): Float32Array => {
  const data = node.inputs[index]?.data;
  return data instanceof Float32Array ? data : refuse(node, `input ${index} must be a constant of float32`);
};

/** y = s·(x − μ)/√(σ² + ε) + b, a factor and an offset a channel: μ and σ² are constants. */
export const batchNormalization: Upgrade = (node, _, graph) => {
  if (intOr(node.attributes, "training_mode", 0) !== 0) {
    refuse(node, "it is in training mode; export the model for inference");
  }
  const [scale, offset, mean, variance] = [1, 2, 3, 4].map((i) => floatsOf(node, i)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const x = node.inputs[0] as Value;
  const epsilon = floatOr(node.attributes, "epsilon", 1e-5);
  const shape = x.shape.slice(1).map((size, i) => (i === 0 ? size : 1));
  if ([scale, offset, mean, variance].some(({ length }) => length !== elements(shape))) {
    refuse(node, `its parameters aren't of ${elements(shape)} channels`);
  }
  const factors = scale.map((s, i) => s / Math.sqrt((variance[i] as number) + epsilon));
  const offsets = offset.map((b, i) => b - (mean[i] as number) * (factors[i] as number));
  const scaled = graph.apply(Mul, [x, graph.constant(factors, shape)])[0];
  return { ...node, operator: "Add", inputs: [scaled, graph.constant(offsets, shape)], attributes: {}, outputs: 1 };
};

/** Each group of channels is an instance of its own; factors and offsets are a group's until opset 20, a channel's since. */
export const groupNormalization: Upgrade = (node, opset, graph) => {
  const [x, scale, offset] = [node.inputs[0] as Value, floatsOf(node, 1), floatsOf(node, 2)];
  const groups = intOr(node.attributes, "num_groups", 0);
  const channels = x.shape[1] as number;
  if (groups < 1 || channels % groups !== 0) refuse(node, `${channels} channels don't divide into ${groups} groups`);
  const count = opset >= 21 ? channels : groups;
  if (scale.length !== count || offset.length !== count) refuse(node, `its parameters aren't ${count} numbers`);
  const grouped = graph.apply(Reshape, [x, graph.integers([0, groups, -1])])[0] as Value;
  const centred = sub(grouped, reduceMean(grouped, { axes: [2], keep: true }));
  const variance = reduceMean(mul(centred, centred), { axes: [2], keep: true });
  const normal = div(centred, sqrt(add(variance, floatOr(node.attributes, "epsilon", 1e-5))));
  const whole = graph.apply(Reshape, [normal, shapeOf(x)])[0] as Value;
  const each = (numbers: Float32Array) =>
    graph.constant(
      Float32Array.from({ length: channels }, (_, c) => numbers[Math.floor((c * count) / channels)] as number),
      x.shape.slice(1).map((size, i) => (i === 0 ? size : 1)),
    );
  const scaled = graph.apply(Mul, [whole, each(scale)])[0];
  return { ...node, operator: "Add", inputs: [scaled, each(offset)], attributes: {} };
};
