import { type Attributes, int, ints, intsOr } from "../../graph/attributes.js";
import type { Graph, Value } from "../../graph/graph.js";
import { integersOf } from "../../graph/operands.js";
import { Concat, Gather } from "../../operators/index.js";
import { type FileNode, refuse, type Upgrade } from "../node.js";

/** Numbers that one opset has as attributes and another as inputs. */

export const without = (attributes: Attributes, ...names: readonly string[]): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));

/** The axes are the second input since opset 13. */
export const axesAsInput: Upgrade = (node, opset, graph) => {
  const { axes } = node.attributes;
  if (opset >= 13 || axes?.kind !== "ints") return node;
  return {
    ...node,
    inputs: [node.inputs[0], graph.integers(axes.value)],
    attributes: without(node.attributes, "axes"),
  };
};

/** The axes are the second input since opset 18, an attribute before. */
export const axesAsAttribute: Upgrade = (node, opset) => {
  if (opset < 18) return node;
  const [x, given] = node.inputs;
  const axes = given ? (integersOf(given) ?? refuse(node, "its axes must be constants")) : [];
  const noop = node.attributes.noop_with_empty_axes;
  if (axes.length === 0 && noop?.kind === "int" && noop.value !== 0)
    refuse(node, "noop_with_empty_axes is not supported");
  const attributes = without(node.attributes, "noop_with_empty_axes");
  return { ...node, inputs: [x], attributes: axes.length > 0 ? { ...attributes, axes: ints(axes) } : attributes };
};

/** The sizes of the parts are the second input since opset 13; where none are given, the parts are alike, the last may be smaller. */
export const partsAsInput: Upgrade = (node, _, graph) => {
  const [x, given] = node.inputs;
  if (given || !x) return node;
  const { split, num_outputs: count, axis } = node.attributes;
  const along = axis?.kind === "int" ? axis.value : 0;
  const size = x.shape.at(along) ?? refuse(node, `axis ${along} is not one of ${x.shape.length}`);
  const parts = count?.kind === "int" ? count.value : node.outputs;
  const each = Math.ceil(size / parts);
  const alike = Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, size - i * each)));
  const sizes = split?.kind === "ints" ? split.value : alike;
  return {
    ...node,
    inputs: [x, graph.integers(sizes)],
    attributes: without(node.attributes, "split", "num_outputs"),
  };
};

/** Starts, ends and axes are inputs since opset 10. */
export const rangesAsInputs: Upgrade = (node, opset, graph) => {
  if (opset >= 10) return node;
  const starts = intsOr(node.attributes, "starts", []);
  const ends = intsOr(node.attributes, "ends", []);
  const axes = intsOr(
    node.attributes,
    "axes",
    starts.map((_, i) => i),
  );
  return {
    ...node,
    inputs: [node.inputs[0], ...[starts, ends, axes].map((list) => graph.integers(list))],
    attributes: {},
  };
};

/** Pads and their value are inputs since opset 11; since 18 a fourth one tells the axes that they are of. */
export const padsAsInputs: Upgrade = (node, opset, graph) => {
  const { mode, value, pads } = node.attributes;
  if (mode?.kind === "string" && !["constant", "reflect", "edge"].includes(mode.value)) {
    refuse(node, `mode ${mode.value} is not supported`);
  }
  if (opset < 11) {
    const filled = graph.scalar(value?.kind === "float" ? value.value : 0);
    const sizes = graph.integers(pads?.kind === "ints" ? pads.value : []);
    return { ...node, inputs: [node.inputs[0], sizes, filled], attributes: without(node.attributes, "pads", "value") };
  }
  const [x, given, filled, axes] = node.inputs;
  if (!axes || !x || !given) return node;
  const listed = axesOf(node, axes, x.shape.length);
  const places = [0, 1].flatMap((side) =>
    x.shape.map((_, axis) => {
      const at = listed.indexOf(axis);
      return at < 0 ? 0 : 1 + side * listed.length + at;
    }),
  );
  return { ...node, inputs: [x, taken(graph, [graph.integers([0]), given], places), filled] };
};

/** The axes that an input lists, from 0. */
export function axesOf(node: FileNode, axes: Value | readonly number[], rank: number): number[] {
  const listed = "graph" in axes ? (integersOf(axes) ?? refuse(node, "its axes must be constants")) : axes;
  return listed.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** The numbers at some places of several lists, one behind the other, which may be computed. */
export function taken(graph: Graph, lists: readonly Value[], places: readonly number[]): Value {
  const all = graph.apply(Concat, lists, { axis: int(0) })[0] as Value;
  return graph.apply(Gather, [all, graph.integers(places)], { axis: int(0) })[0] as Value;
}
