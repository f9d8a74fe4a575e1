import {
  applyLike,
  consumersOf,
  type Graph,
  liveNodes,
  type Node,
  rewriteLazily,
  type TensorData,
  textOr,
  type Value,
} from "../graph/index.js";
import {
  Add,
  add,
  Clip,
  Concat,
  Conv,
  DepthToSpace,
  Div,
  Identity,
  Mul,
  Pad,
  Resize,
  Slice,
  Sub,
  sub,
} from "../operators/index.js";

/** Of one operand, and linear in it where the others are constants. */
const LINEAR_OF_FIRST = new Set([DepthToSpace, Identity, Pad, Slice, Conv]);

/** Values that are the image under linear operators alone, up to a constant. */
export function linearValues(graph: Graph): ReadonlySet<Value> {
  const linear = new Set(graph.inputs);
  const isConstant = (value: Value | undefined) => !value || value.data !== undefined || value.known !== undefined;
  for (const { operator, inputs, outputs, attributes } of liveNodes(graph)) {
    const [x, ...others] = inputs as readonly [Value, ...(Value | undefined)[]];
    const eachLinear = inputs.every((value) => isConstant(value) || (value && linear.has(value)));
    const follows =
      LINEAR_OF_FIRST.has(operator) ||
      (operator === Div && !isConstant(x)) ||
      (operator === Resize && isLinearResize(attributes))
        ? linear.has(x) && others.every(isConstant)
        : operator === Mul
          ? eachLinear && inputs.some(isConstant) && !inputs.every(isConstant)
          : [Add, Sub, Concat].includes(operator) && eachLinear && !inputs.every(isConstant);
    if (follows) for (const output of outputs) linear.add(output);
  }
  return linear;
}

const isLinearResize = (attributes: Node["attributes"]): boolean =>
  ["nearest", "linear", "cubic"].includes(textOr(attributes, "mode", "nearest"));

/** A value as linear + sign · rest, each left out where it is nothing. */
interface Parts {
  readonly linear?: Value;
  readonly rest?: { readonly value: Value; readonly sign: 1 | -1 };
}

/** What a sum goes through term by term; a convolution's bias stays with the linear term. */
const DISTRIBUTES = new Set([Conv, DepthToSpace, Identity]);

/**
 * The same network with its output as a sum: of a part that is linear in the image, and the rest. A path from the image to the output that
 * skips what isn't linear, as the global residual of super-resolution networks, carries the image itself, and few bits would
 * show: by linearity L(h + b) = L(h) + L(b) what lies behind its sum with the rest is done for both, so that the rest alone can be
 * quantised, which is small. The graph itself where there is no such path.
 */
export function splitLinearPart(source: Graph): Graph {
  const linear = linearValues(source);
  const consumers = consumersOf(liveNodes(source));
  const [output] = source.outputs.values();
  const [summed] = behindMoves(output as Value);
  const readersOf = (value: Value) => consumers.get(value)?.length ?? 0;
  if (!hasLinearPart(summed as Value, linear, readersOf)) return source;
  return rewriteLazily(source, (target, imageOf) => {
    const partsOf = (value: Value): Parts => {
      if (linear.has(value)) return { linear: imageOf(value) };
      const node = value.producer;
      const whole = (): Parts => ({ rest: { value: imageOf(value), sign: 1 } });
      if (!node || !hasLinearPart(value, linear, readersOf)) return whole();
      if (!DISTRIBUTES.has(node.operator)) return added(node, (node.inputs as Value[]).map(partsOf));
      const [x, ...others] = node.inputs as Value[];
      const parts = partsOf(x as Value);
      const constants = others.map(imageOf);
      const apply = (to: Value, own: readonly Value[]) => applyLike(node, target, [to, ...own])[0] as Value;
      // The rest has parameters of its own, its bias of zeros.
      const silent = constants.map(({ data, shape, dtype }, i) =>
        target.constant(i === 1 ? new Float32Array(shape[0] as number) : (data as TensorData), shape, { dtype }),
      );
      return {
        ...(parts.linear && { linear: apply(parts.linear, constants) }),
        ...(parts.rest && { rest: { ...parts.rest, value: apply(parts.rest.value, silent) } }),
      };
    };
    return (node) => {
      if (node.outputs[0] !== summed) return undefined;
      const { linear: straight, rest } = partsOf(summed as Value) as Required<Parts>;
      return [rest.sign === 1 ? add(straight, rest.value) : sub(straight, rest.value)];
    };
  });
}

const MOVES = new Set([Slice, Pad, DepthToSpace, Clip]);

/** Values from the output back through what moves pixels or cuts their range off: the innermost first. */
function behindMoves(output: Value): Value[] {
  const values = [output];
  for (let node = output.producer; node && MOVES.has(node.operator); node = node.inputs[0]?.producer) {
    values.unshift(node.inputs[0] as Value);
  }
  return values;
}

/** Whether the value is a sum with a linear term, behind what sums go through; its own and the operands' images are read once. */
function hasLinearPart(value: Value, linear: ReadonlySet<Value>, readersOf: (value: Value) => number): boolean {
  const node = value.producer;
  if (linear.has(value) || !node || readersOf(value) > 1) return false;
  if (node.operator === Add || node.operator === Sub) {
    const operands = node.inputs as readonly Value[];
    if (operands.some(({ data, known }) => data ?? known)) return false;
    return operands.some((operand) => linear.has(operand) || hasLinearPart(operand, linear, readersOf));
  }
  if (!DISTRIBUTES.has(node.operator)) return false;
  const [x, ...others] = node.inputs as readonly (Value | undefined)[];
  return others.every((other) => !other || other.data !== undefined) && !!x && hasLinearPart(x, linear, readersOf);
}

/** The parts of a sum or difference from its operands'. */
function added({ operator }: Node, [left = {}, right = {}]: readonly Parts[]): Parts {
  const sign = operator === Sub ? -1 : 1;
  const linear =
    left.linear && right.linear
      ? sign === 1
        ? add(left.linear, right.linear)
        : sub(left.linear, right.linear)
      : (left.linear ?? negatedLinear(right.linear, sign));
  const turned = right.rest && { ...right.rest, sign: (right.rest.sign * sign) as 1 | -1 };
  const rest =
    left.rest && turned
      ? left.rest.sign === turned.sign
        ? { value: add(left.rest.value, turned.value), sign: turned.sign }
        : { value: sub(left.rest.value, turned.value), sign: left.rest.sign }
      : (left.rest ?? turned);
  return { ...(linear && { linear }), ...(rest && { rest }) };
}

const negatedLinear = (value: Value | undefined, sign: 1 | -1): Value | undefined =>
  value && sign === -1 ? sub(value.graph.scalar(0), value) : value;
