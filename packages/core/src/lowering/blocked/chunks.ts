import { elements, type Graph, type Shape, type Value } from "../../graph/index.js";
import { gather, reshape } from "../../operators/index.js";

/**
 * A transposition that moves whole chunks: x in memory is [...shape, chunk], and the axes before the chunk are permuted;
 * `reversed` names one of them (before the permutation) that runs backwards. As a gather of rows it runs on all threads,
 * which the engine's transpose doesn't. Yields [rows, chunk].
 */
export function permuteChunks(
  x: Value,
  shape: Shape,
  permutation: readonly number[],
  chunk: number,
  reversed?: number,
): Value {
  return gather(reshape(x, [elements(shape), chunk]), rowNumbers(x.graph, shape, permutation, reversed), 0);
}

/** The rows' numbers; layers of one shape share them. */
function rowNumbers(graph: Graph, shape: Shape, permutation: readonly number[], reversed: number | undefined): Value {
  return graph.shared(`rows ${shape} ${permutation} ${reversed}`, () => {
    const strides = shape.map((_, axis) => elements(shape.slice(axis + 1)));
    const numbers = new Int32Array(elements(shape));
    let at = 0;
    const fill = (depth: number, offset: number): void => {
      const axis = permutation[depth];
      if (axis === undefined) {
        numbers[at++] = offset;
        return;
      }
      const [size, stride] = [shape[axis] as number, strides[axis] as number];
      for (let i = 0; i < size; i++) fill(depth + 1, offset + (axis === reversed ? size - 1 - i : i) * stride);
    };
    fill(0, 0);
    return graph.constant(numbers, [numbers.length]);
  });
}
