import { NetworkError } from "../errors.js";
import { Graph, graft, intsOr, type Node, sameShape, type Value } from "../graph/index.js";
import { Transpose } from "../operators/index.js";

/** From [N, H, W, C] to [N, C, H, W]. */
export const TO_CHANNELS_FIRST = [0, 3, 1, 2];
const TO_CHANNELS_LAST = [0, 2, 3, 1];

/** Images have no more channels, and no network is read with images that are narrower. */
const MOST_CHANNELS = 4;

/**
 * A network of images [N, H, W, C], as TensorFlow's are, whose graph itself is of [N, C, H, W]: the same without the transpositions
 * around it. Undefined for a network whose images are [N, C, H, W].
 * @throws NetworkError where channels come last within the graph too
 */
export function withoutOuterTransposes(source: Graph): Graph | undefined {
  const images = [...source.inputs, ...source.outputs.values()];
  if (!images.every(({ shape }) => shape.length === 4 && (shape[3] as number) <= MOST_CHANNELS)) return undefined;
  const [input] = source.inputs;
  const [name, output] = [...source.outputs][0] ?? [];
  const readers = source.nodes.filter(({ inputs }) => inputs.includes(input));
  const inner = output?.producer && isTransposed(output.producer, TO_CHANNELS_LAST) && output.producer.inputs[0];
  if (!input || !inner || name === undefined || !readers.every((node) => isTransposed(node, TO_CHANNELS_FIRST))) {
    throw new NetworkError(
      "its images are [N, H, W, C], channels last; expected [N, C, H, W]: export it channels first " +
        "(tf2onnx's --inputs-as-nchw and --outputs-as-nchw)",
    );
  }
  const graph = new Graph(source.name, [...source.outputs.keys(), ...source.constants.map((value) => value.name)]);
  const image = graph.input(
    input.name,
    TO_CHANNELS_FIRST.map((axis) => input.shape[axis] as number),
    input.dtype,
  );
  const known = new Map(readers.map(({ outputs }) => [outputs[0] as Value, image]));
  for (const value of source.constants) {
    const { data, shape, dtype } = value;
    if (data) known.set(value, graph.constant(data, shape, { name: value.name, dtype }));
  }
  graph.output(name, graft(source, graph, known, [inner])[0] as Value);
  return graph;
}

const isTransposed = ({ operator, attributes }: Node, permutation: readonly number[]): boolean =>
  operator === Transpose && sameShape(intsOr(attributes, "perm", []), permutation);
