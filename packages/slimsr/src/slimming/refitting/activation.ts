import { differentiate } from "@slimsr/core/internal/differentiate/index.js";
import { elements, graft, type Node, nodesBetween, type Value } from "@slimsr/core/internal/graph/index.js";
import { single } from "@slimsr/core/internal/operators/apply.js";
import { add, div, greater, Max, mul, reduceSum, sub, where } from "@slimsr/core/internal/operators/index.js";

/** A function of each element that is all that happens to a value, such as x·σ(x) or a GELU as exporters write it. */
export interface Activation {
  readonly input: Value;
  readonly output: Value;
}

/** Nodes of a function that exporters write out, at most. */
const MOST_NODES = 12;

/**
 * The function that all readers of a value take part in: elementwise operators of it and of single numbers, whose results are read
 * by each other alone but for the last. Undefined where there is none, or it is one operator.
 * @param readersOf the nodes that read a value
 */
export function activationBehind(value: Value, readersOf: (value: Value) => readonly Node[]): Activation | undefined {
  const inside = new Set([value]);
  const nodes = new Set<Node>();
  const takes = ({ operator, inputs }: Node) =>
    operator.elementwise === true && inputs.every((input) => !input || inside.has(input) || isNumber(input));
  for (let grown = true; grown && nodes.size <= MOST_NODES; ) {
    grown = false;
    for (const node of [...inside].flatMap(readersOf)) {
      if (nodes.has(node) || node.outputs.length !== 1 || !takes(node)) continue;
      nodes.add(node);
      inside.add(node.outputs[0] as Value);
      grown = true;
    }
  }
  // What is read outside too, or by nothing, is where it ends.
  const ends = [...inside].filter((each) => {
    const readers = readersOf(each);
    return readers.length === 0 || readers.some((node) => !nodes.has(node));
  });
  const [output] = ends;
  if (ends.length !== 1 || !output || output === value || nodes.size < 2) return undefined;
  const path = nodesBetween(value.graph, (each) => each === value, [output]);
  // What is affine has no part that it lets through more than another.
  const isCurved = path.some(({ operator }) => operator.channels === "permutation");
  return path.length === nodes.size && isCurved ? { input: value, output } : undefined;
}

const isNumber = ({ data, shape }: Value): boolean => data !== undefined && elements(shape) === 1;

/** Least upper bound of f′² for functions such as x·σ(x) and GELU, rounded up; where f is steeper, the step is Newton's. */
const CURVATURE = 1.25;

/**
 * What a value before a function f is to become, of the student's own value and the ideal one, for f(own) to come near f(ideal): the
 * ideal where that is positive, for f is about the identity there, and elsewhere a step of majorise and minimise on
 * (f(own) − f(ideal))²: own + f′(own) · (f(ideal) − f(own)) / sup f′².
 */
export function passedByActivation({ input, output }: Activation, ideal: Value, own: Value): Value {
  const { graph } = own;
  const apply = (x: Value) => graft(input.graph, graph, new Map([[input, x]]), [output])[0] as Value;
  const made = apply(own);
  const [slope] = differentiate(reduceSum(made), [own]) as [Value];
  const curvature = single(Max, [mul(slope, slope), graph.scalar(CURVATURE)]);
  const step = add(own, div(mul(slope, sub(apply(ideal), made)), curvature));
  return where(greater(ideal, 0), ideal, step);
}
