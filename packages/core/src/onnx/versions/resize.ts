import { intOr, intsOr, text, textOr } from "../../graph/attributes.js";
import { shapeOf } from "../../operators/index.js";
import { type FileNode, refuse, type Upgrade } from "../node.js";
import { axesOf, taken, without } from "./axes.js";

/** Until opset 10 an output pixel i lay at input pixel ⌊i / scale⌋, and linear interpolation began at the corner too. */
const FROM_CORNER = { coordinate_transformation_mode: text("asymmetric"), nearest_mode: text("floor") };

/** Upsample is Resize from the corner; its scales became an input with opset 9. */
export const upsample: Upgrade = (node, opset, graph) => {
  const { scales, mode } = node.attributes;
  const listed = scales?.kind === "floats" ? scales.value : [];
  const given = opset >= 9 ? node.inputs[1] : graph.constant(Float32Array.from(listed), [listed.length]);
  return fromCorner({ ...node, operator: "Resize", inputs: [node.inputs[0], given], attributes: mode ? { mode } : {} });
};

const fromCorner = (node: FileNode): FileNode => ({
  ...node,
  inputs: [node.inputs[0], undefined, node.inputs[1]],
  // "bilinear" was a name of linear.
  attributes: {
    ...node.attributes,
    mode: text(textOr(node.attributes, "mode", "nearest").replace("bilinear", "linear")),
    ...FROM_CORNER,
  },
});

/** Opset 11 brought coordinates, 18 axes and antialiasing. */
export const resize: Upgrade = (node, opset, graph) => {
  if (opset < 11) return fromCorner(node);
  const { attributes } = node;
  if (intOr(attributes, "antialias", 0) !== 0) refuse(node, "antialias is not supported");
  const policy = textOr(attributes, "keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch") refuse(node, `keep_aspect_ratio_policy ${policy} is not supported`);
  const [x, roi, scales, sizes] = node.inputs;
  const kept = without(attributes, "antialias", "keep_aspect_ratio_policy", "axes");
  const axes = intsOr(attributes, "axes", []);
  // Empty inputs count as left out.
  const present = [x, roi, scales, sizes].map((value) => (value && value.shape[0] !== 0 ? value : undefined));
  while (present.length > 1 && !present.at(-1)) present.pop();
  if (axes.length === 0 || !x) return { ...node, inputs: present, attributes: kept };
  const listed = axesOf(node, axes, x.shape.length);
  const places = (others: (axis: number) => number, count: number) =>
    x.shape.map((_, axis) => (listed.includes(axis) ? count + listed.indexOf(axis) : others(axis)));
  if (present[1]) refuse(node, "a region of interest along some axes is not supported");
  const spread = present[3]
    ? [
        x,
        undefined,
        undefined,
        taken(
          graph,
          [shapeOf(x), present[3]],
          places((axis) => axis, x.shape.length),
        ),
      ]
    : [
        x,
        undefined,
        present[2] &&
          taken(
            graph,
            [graph.constant(Float32Array.of(1), [1]), present[2]],
            places(() => 0, 1),
          ),
      ];
  return { ...node, inputs: spread, attributes: kept };
};
