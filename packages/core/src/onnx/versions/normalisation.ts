import { floatOr, intOr } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import { elements } from "../../graph/types.js";
import { Mul } from "../../operators/index.js";
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
