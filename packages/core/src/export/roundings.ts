import { type Graph, intOr, liveNodes, type Node, rewriteLazily, type TensorData, type Value } from "../graph/index.js";
import { clip, div, FakeQuantise, mul, round } from "../operators/index.js";

/** Numbers that a fake quantisation rounds to: whole multiples of the scale, from low to high times it. */
export interface Grid {
  readonly scale: number;
  readonly low: number;
  readonly high: number;
}

/** Whether a network's numbers are rounded as it is trained. */
export const isFakeQuantised = ({ nodes }: Graph): boolean => nodes.some(({ operator }) => operator === FakeQuantise);

/** Contents of all that follows from a graph's constants alone, and not from sizes. */
export function constantContents(graph: Graph): ReadonlyMap<Value, TensorData> {
  const contents = new Map<Value, TensorData>();
  const contentOf = (value: Value) => value.data ?? contents.get(value);
  for (const { operator, inputs, outputs, attributes } of liveNodes(graph)) {
    const known = inputs.map((value) => value && contentOf(value));
    if (!operator.evaluate || inputs.some((value, i) => value && !known[i])) continue;
    const made = operator.evaluate({ inputs, attributes, outputs, contents: known });
    outputs.forEach((value, i) => {
      const data = made[i];
      if (data) contents.set(value, data);
    });
  }
  return contents;
}

/** The numbers that an activation is rounded to, whose scale is known. */
export function gridOf({ inputs, attributes }: Node, contents: ReadonlyMap<Value, TensorData>): Grid {
  const [, scale] = inputs as [Value, Value];
  const [number] = (scale.data ?? contents.get(scale) ?? []) as Float32Array;
  if (number === undefined) throw new TypeError(`the scale ${scale.name} of a rounding isn't known`);
  return { scale: number, low: intOr(attributes, "low", 0), high: intOr(attributes, "high", 0) };
}

/** x rounded by ONNX's own operators, in float: engines take bytes between convolutions of float weights for leave to round these too. */
const roundedTo = (x: Value, { scale, low, high }: Grid): Value => mul(round(clip(div(x, scale), low, high)), scale);

/** The same network with its roundings as ONNX has them: those of weights done, those of activations in float. */
export function withStandardRounding(source: Graph): Graph {
  if (!isFakeQuantised(source)) return source;
  const contents = constantContents(source);
  const rounded = rewriteLazily(source, (target, imageOf) => (node) => {
    const made = withKnown(node, target, contents);
    if (made || node.operator !== FakeQuantise) return made;
    return [roundedTo(imageOf(node.inputs[0] as Value), gridOf(node, contents))];
  });
  return withoutUnread(rounded);
}

/** A node's outputs as constants, where they follow from constants; the name is the parameter's that they are made of. */
export function withKnown(
  { inputs, outputs }: Node,
  target: Graph,
  contents: ReadonlyMap<Value, TensorData>,
): Value[] | undefined {
  if (!outputs.every((value) => contents.has(value))) return undefined;
  const { name } = parameterBehind(inputs[0] as Value);
  return outputs.map((value) =>
    target.constant(contents.get(value) as TensorData, value.shape, {
      name: target.unusedName(name),
      dtype: value.dtype,
    }),
  );
}

/** What a value is made of, through first operands. */
export function parameterBehind(value: Value): Value {
  let place = value;
  while (place.producer?.inputs[0]) [place] = place.producer.inputs as [Value];
  return place;
}

/** The graph without nodes that nothing reads any more, and their constants. */
export const withoutUnread = (graph: Graph): Graph => rewriteLazily(graph, () => () => undefined);
