import { elements, type Graph, type Value } from "../graph/index.js";
import { matMul } from "./products.js";
import { reshape } from "./reshaping.js";

/** Linear maps of tensors that act along each axis by itself, such as a resize: y = … M₂·(M₃·x), a matrix an axis. */

/** Of one output along an axis: y[i] = Σ_j weight · x[index]. An index may occur twice. */
export type Taps = readonly (readonly [index: number, weight: number])[];

export interface AxisMap {
  readonly axis: number;
  /** The axis' size in x. */
  readonly size: number;
  /** Of each output along the axis. */
  readonly outputs: readonly Taps[];
}

/** Mᵀ·dy along each of the axes: the gradient of x from that of y. */
export const adjoint = (dy: Value, maps: readonly AxisMap[]): Value => maps.reduce(alongAxis, dy);

function alongAxis(dy: Value, map: AxisMap): Value {
  const { axis, size, outputs } = map;
  const rank = dy.shape.length;
  if (axis === rank - 1 && rank > 1) return matMul(dy, matrixOf(dy.graph, map));
  const transposed = matrixOf(dy.graph, map, true);
  if (axis === rank - 2) return matMul(transposed, dy);
  const [before, after] = [dy.shape.slice(0, axis), dy.shape.slice(axis + 1)];
  const flat = reshape(dy, [elements(before), outputs.length, elements(after)]);
  return reshape(matMul(transposed, flat), [...before, size, ...after]);
}

/** M, [outputs, inputs], or Mᵀ; each once a graph. */
function matrixOf(graph: Graph, { size, outputs }: AxisMap, transposed = false): Value {
  const [across, down] = transposed ? [1, outputs.length] : [size, 1];
  const taps = outputs.map((each) => each.join(" ")).join(";");
  return graph.shared(`axis map ${size} ${transposed} ${taps}`, () => {
    const matrix = new Float32Array(outputs.length * size);
    outputs.forEach((each, i) => {
      for (const [index, weight] of each) {
        const at = i * across + index * down;
        matrix[at] = (matrix[at] as number) + weight;
      }
    });
    return graph.constant(matrix, transposed ? [size, outputs.length] : [outputs.length, size]);
  });
}
