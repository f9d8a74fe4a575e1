import { NetworkError } from "../errors.js";
import { elements, type Shape, sameShape, showShape, type Value } from "../graph/index.js";
import type { ParameterShapes, Parameters } from "../networks/index.js";
import { required } from "../networks/index.js";
import { concat, reshape, slice } from "../operators/index.js";

/** All parameters one after another in one vector: what a training step takes and yields. */
export const flatSize = (shapes: ParameterShapes): number =>
  [...shapes.values()].reduce((sum, s) => sum + elements(s), 0);

/** The vector's parts, in their shapes, by name: slices, for one Split has more outputs than a GPU's kernel binds buffers. */
export function unflatten(vector: Value, shapes: ParameterShapes): Map<string, Value> {
  let at = 0;
  return new Map(
    [...shapes].map(([name, shape]) => {
      const start = at;
      at += elements(shape);
      return [name, reshape(slice(vector, [{ axis: 0, start, end: at }]), shape)];
    }),
  );
}

export const flatten = (values: readonly Value[]): Value =>
  concat(
    values.map((value) => reshape(value, [elements(value.shape)])),
    0,
  );

/** @throws NetworkError where a parameter is missing or of another shape. */
export function packParameters(parameters: Parameters, shapes: ParameterShapes): Float32Array {
  const vector = new Float32Array(flatSize(shapes));
  let at = 0;
  for (const [name, shape] of shapes) {
    const parameter = required(parameters, name);
    if (!sameShape(parameter.shape, shape)) {
      throw new NetworkError(
        `parameter ${name} has shape ${showShape(parameter.shape)}; the network has ${showShape(shape)}`,
      );
    }
    vector.set(parameter.data, at);
    at += elements(shape);
  }
  return vector;
}

export function unpackParameters(
  vector: Float32Array,
  shapes: ParameterShapes,
): Map<string, { shape: Shape; data: Float32Array }> {
  let at = 0;
  return new Map(
    [...shapes].map(([name, shape]) => {
      const data = vector.slice(at, at + elements(shape));
      at += data.length;
      return [name, { shape, data }];
    }),
  );
}
