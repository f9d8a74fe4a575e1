import { NetworkError } from "../errors.js";
import { type Graph, type Shape, sameShape, showShape, type Value } from "../graph/index.js";

/** Full-width shapes of a network's parameters, by name, in the order in which its layers are applied. */
export type ParameterShapes = ReadonlyMap<string, Shape>;

/** Float32 parameters by name. */
export type Parameters = ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;

/** Parameters that are being made. */
export type ParameterMap = Map<string, { readonly shape: Shape; readonly data: Float32Array }>;

/**
 * Where a network gets its parameters while it is built: `nominal` is the shape at width 1. A source may yield fewer
 * channels (a slimmed network); the layer takes what comes.
 */
export type ParameterSource = (name: string, nominal: Shape) => Value;

/** Parameters as graph inputs of their own names; records the shapes. */
export function declaredInputs(graph: Graph, shapes: Map<string, Shape>): ParameterSource {
  return (name, nominal) => {
    shapes.set(name, nominal);
    return graph.input(name, nominal);
  };
}

/**
 * Parameters as constants.
 * @throws NetworkError where one is missing, or isn't of the nominal shape or narrower.
 */
export function constants(graph: Graph, parameters: Parameters): ParameterSource {
  return (name, nominal) => {
    const { shape, data } = required(parameters, name);
    const fits = shape.length === nominal.length && shape.every((size, i) => size <= (nominal[i] as number));
    if (!fits || !sameShape(shape.slice(2), nominal.slice(2))) {
      throw new NetworkError(`parameter ${name} has shape ${showShape(shape)}; the network has ${showShape(nominal)}`);
    }
    return graph.constant(data, shape, { name });
  };
}

export function required(parameters: Parameters, name: string): { readonly shape: Shape; readonly data: Float32Array } {
  const parameter = parameters.get(name);
  if (!parameter) throw new NetworkError(`parameter ${name} is missing`);
  return parameter;
}
