import { applyLike, type Graph, rewrite, type Value } from "../../graph/index.js";
import { pad, slice } from "../../operators/index.js";

/**
 * The graph with pixels at each side of its output [N, C, H, W] replaced by their next neighbours within, as many as `width`; H and W
 * must be larger than twice that.
 */
export function repeatWithin(source: Graph, width: number): Graph {
  if (width === 0) return source;
  const [made] = source.outputs.values();
  return rewrite(source, (target) => (node, inputs) => {
    if (node.outputs[0] !== made) return undefined;
    const [output] = applyLike(node, target, inputs);
    const inner = slice(
      output as Value,
      [2, 3].map((axis) => ({ axis, start: width, end: -width })),
    );
    return [pad(inner, [0, 0, width, width, 0, 0, width, width], "edge")];
  });
}
