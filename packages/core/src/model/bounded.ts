import { applyLike, type Node, rewrite, type Value } from "../graph/index.js";
import { Clip, Exp } from "../operators/index.js";
import { graphOrigin, type Model, modelOf } from "./model.js";

/** e⁶⁰ times a feature, summed over a window, is a float32 still; these end at e⁸⁸. */
export const LARGEST_EXPONENT = 60;

/**
 * The same network with exponents above `LARGEST_EXPONENT` taken for it, so that what it divides by exponentials of, as soft pooling does, stays
 * finite. An image that has no larger exponents gets the output that it had.
 */
export function withBoundedExponents(model: Model): Model {
  const graph = rewrite(model.graph, (target) => {
    const bound = target.scalar(LARGEST_EXPONENT);
    return (node, inputs) =>
      node.operator === Exp && !isBounded(node)
        ? applyLike(node, target, target.apply(Clip, [inputs[0] as Value, undefined, bound]))
        : undefined;
  });
  const { parameters, descriptor } = model;
  return modelOf(graph, ({ name }) => parameters.has(name), parameters, { ...descriptor, origin: graphOrigin(model) });
}

function isBounded({ inputs: [exponent] }: Node): boolean {
  const { operator, inputs } = exponent?.producer ?? {};
  return operator === Clip && (inputs?.[2]?.data?.[0] ?? Number.POSITIVE_INFINITY) <= LARGEST_EXPONENT;
}
