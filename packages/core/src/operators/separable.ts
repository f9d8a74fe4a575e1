import { elements, type Value } from "../graph/index.js";
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
  const matrix = matrixOf(dy, map);
  const { axis, size } = map;
  const rank = dy.shape.length;
  if (axis === rank - 1 && rank > 1) return matMul(dy, matrix);
  if (axis === rank - 2) return matMul(matrix, dy, { transposeLeft: true });
  const [before, after] = [dy.shape.slice(0, axis), dy.shape.slice(axis + 1)];
  const flat = reshape(dy, [elements(before), map.outputs.length, elements(after)]);
  return reshape(matMul(matrix, flat, { transposeLeft: true }), [...before, size, ...after]);
}

/** [outputs, inputs], once a graph. */
function matrixOf({ graph }: Value, { size, outputs }: AxisMap): Value {
  const key = `axis map ${size}: ${outputs.map((taps) => taps.join(" ")).join(";")}`;
  return graph.shared(key, () => {
    const matrix = new Float32Array(outputs.length * size);
    outputs.forEach((taps, i) => {
      for (const [index, weight] of taps) matrix[i * size + index] = (matrix[i * size + index] as number) + weight;
    });
    return graph.constant(matrix, [outputs.length, size]);
  });
}
