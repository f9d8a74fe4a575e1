import { floatOr, int, intOr } from "../../graph/attributes.js";
import { contentOf } from "../../graph/contents.js";
import { DATA_TYPES } from "../../graph/types.js";
import { Flatten, operatorNamed, shapeOf } from "../../operators/index.js";
import { refuse, type Upgrade } from "../node.js";
import { without } from "./axes.js";

/** Bounds are inputs since opset 11. */
export const boundsAsInputs: Upgrade = (node, opset, graph) => {
  if (opset >= 11) return node;
  const bound = (name: string) => (node.attributes[name] ? graph.scalar(floatOr(node.attributes, name, 0)) : undefined);
  return { ...node, inputs: [node.inputs[0], bound("min"), bound("max")], attributes: {} };
};

/** Operands broadcast as numpy's since opset 7; attributes that said how say nothing any more. */
export const broadcasting: Upgrade = (node) => ({
  ...node,
  attributes: without(node.attributes, "axis", "broadcast", "consumed_inputs"),
});

/** What falls out while training. */
export const dropout: Upgrade = (node) => {
  const training = contentOf(node.inputs[2]);
  if (node.inputs[2] && (!training || training[0]))
    refuse(node, "it is in training mode; export the model for inference");
  return { ...node, operator: "Identity", inputs: [node.inputs[0]], attributes: {}, outputs: 1 };
};

/** Before opset 13 all axes from the given one on count as one. */
export const softmax: Upgrade = (node, opset, graph) => {
  const [x] = node.inputs;
  if (opset >= 13 || !x) return node;
  const axis = intOr(node.attributes, "axis", 1);
  if ((axis < 0 ? axis + x.shape.length : axis) === x.shape.length - 1)
    return { ...node, attributes: { axis: int(-1) } };
  const flat = graph.apply(Flatten, [x], { axis: int(axis) })[0];
  const [made] = graph.apply(operatorNamed(node.operator), [flat], { axis: int(1) });
  return { ...node, operator: "Reshape", inputs: [made, shapeOf(x)], attributes: {} };
};

/** How numbers that 8-bit floats can't hold are cast, which there are none of. */
export const cast: Upgrade = (node) => ({ ...node, attributes: without(node.attributes, "saturate", "round_mode") });

export const castLike: Upgrade = (node) => {
  const [x, like] = node.inputs;
  if (!like) return refuse(node, "input 1 is missing");
  return { ...node, operator: "Cast", inputs: [x], attributes: { to: int(DATA_TYPES[like.dtype].onnx) } };
};

/** A size of 0 stands for the input's, unless the file says otherwise. */
export const reshape: Upgrade = (node) => {
  const shape = contentOf(node.inputs[1]);
  const literal = intOr(node.attributes, "allowzero", 0) !== 0;
  if (literal && shape && Array.from<bigint | number, number>(shape, Number).includes(0)) {
    refuse(node, "allowzero, for tensors without elements, is not supported");
  }
  return { ...node, attributes: without(node.attributes, "allowzero") };
};

/** Windows have dilations since opset 19. */
export const averagePool: Upgrade = (node) => {
  const { dilations } = node.attributes;
  if (dilations?.kind === "ints" && dilations.value.some((step) => step !== 1))
    refuse(node, "dilations are not supported");
  return { ...node, attributes: without(node.attributes, "dilations") };
};
