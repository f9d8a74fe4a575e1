import { GraphError } from "../errors.js";
import type { GradientRule, Node, Value } from "../graph/index.js";
import { expand, OPERATORS, sum } from "../operators/index.js";

/** Names of the operators that can be differentiated. */
export const DIFFERENTIABLE: readonly string[] = OPERATORS.filter(({ gradient }) => typeof gradient === "function").map(
  ({ name }) => name,
);

/**
 * Gradients of the scalar `loss` with respect to each of `parameters`, by reverse-mode differentiation: nodes are appended
 * to the loss's graph. A node is visited only if some parameter reaches the loss through it, and of its inputs only those
 * that a parameter reaches get a gradient.
 * @throws GraphError naming an operator on the way that has no rule, or a loss that is not a scalar.
 */
export function differentiate(loss: Value, parameters: readonly Value[]): Value[] {
  if (loss.shape.length !== 0) throw new GraphError(`the loss ${loss.name} must be a scalar to be differentiated`);
  const { graph } = loss;
  const path = dependents(graph.nodes, parameters);
  const collected = new Map<Value, Value[]>([[loss, [graph.scalar(1)]]]);
  const total = (value: Value): Value | undefined => {
    const terms = collected.get(value);
    return terms && sum(terms);
  };
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((value) => collected.has(value) && path.has(value))) continue;
    const wanted = node.inputs.map((value) => value !== undefined && path.has(value));
    const gradients = ruleOf(node)(node, node.outputs.map(total), wanted);
    node.inputs.forEach((value, i) => {
      const gradient = gradients[i];
      if (!value || !gradient || !wanted[i]) return;
      const terms = collected.get(value);
      if (terms) terms.push(gradient);
      else collected.set(value, [gradient]);
    });
  }
  return parameters.map((parameter) => total(parameter) ?? expand(graph.scalar(0), parameter.shape));
}

function ruleOf({ operator, outputs }: Node): GradientRule {
  if (typeof operator.gradient === "function") return operator.gradient;
  throw new GraphError(`operator ${operator.name} (output ${outputs[0]?.name}) has no gradient rule`);
}

/** All values that depend on one of `sources`, these included. */
function dependents(nodes: readonly Node[], sources: readonly Value[]): Set<Value> {
  const reached = new Set<Value>(sources);
  for (const node of nodes) {
    if (node.operator.gradient === "stops") continue;
    if (!node.inputs.some((value) => value && reached.has(value))) continue;
    // What sizes tell doesn't depend on what has these sizes.
    for (const value of node.outputs) if (!value.known) reached.add(value);
  }
  return reached;
}
