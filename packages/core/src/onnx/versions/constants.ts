import type { Upgrade } from "../node.js";

/** A tensor of one number: the number, expanded. */
export const constantOfShape: Upgrade = ({ inputs, tensors, ...node }, _, graph) => {
  const { data, dtype } = tensors.value ?? { data: Float32Array.of(0), dtype: "float32" };
  return { ...node, operator: "Expand", inputs: [graph.constant(data, [], { dtype }), inputs[0]], tensors: {} };
};
