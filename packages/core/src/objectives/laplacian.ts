import type { Value } from "../graph/index.js";
import { add, matMul } from "../operators/index.js";

/** The matrix [size, size] of second differences along one axis, borders replicated. */
function secondDifferences(size: number): Float32Array {
  const matrix = new Float32Array(size * size);
  for (let at = 0; at < size; at++) {
    for (const [step, weight] of [
      [-1, 1],
      [0, -2],
      [1, 1],
    ] as const) {
      const to = at * size + Math.min(Math.max(at + step, 0), size - 1);
      matrix[to] = (matrix[to] as number) + weight;
    }
  }
  return matrix;
}

/** The Laplacian of each plane of images [N, C, H, W]: what a pixel's four neighbours have beyond it, borders replicated. */
export function laplacian(images: Value): Value {
  const [height, width] = images.shape.slice(2) as [number, number];
  const { graph } = images;
  const rows = graph.constant(secondDifferences(height), [height, height]);
  const columns = graph.constant(secondDifferences(width), [width, width]);
  return add(matMul(rows, images), matMul(images, columns, { transposeRight: true }));
}
