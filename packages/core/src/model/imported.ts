import { NetworkError } from "../errors.js";
import { consumersOf, elements, Graph, graft, type Node, type TensorData, type Value } from "../graph/index.js";
import { Identity } from "../operators/index.js";
import type { Descriptor } from "./descriptor.js";
import { type Model, modelOf } from "./model.js";

/**
 * A graph that was read from elsewhere: what its operators say are layers' parameters are the model's, where they are constants.
 * @param about what the graph doesn't tell; where left out, images are of 0..255 and the graph's name is the model's
 * @throws NetworkError unless it maps one 4-D image to another
 */
export function importedModel(
  source: Graph,
  {
    name = source.name,
    metadata = {},
    ...about
  }: Partial<Pick<Descriptor, "range" | "rangeSource" | "size">> & {
    name?: string;
    metadata?: Readonly<Record<string, string>>;
  } = {},
): Model {
  refuseChannelsLast(source);
  const graph = withOwnConstants(source);
  const floats = learnedConstants(graph);
  const [input = "", output = ""] = [graph.inputs[0]?.name, ...graph.outputs.keys()];
  const places = new Set(floats);
  const parameters = new Map(floats.map(({ name, shape, data }) => [name, { shape, data: data as Float32Array }]));
  return modelOf(graph, (value) => places.has(value), parameters, {
    range: 255,
    ...(about.range === undefined && { rangeSource: "assumed" }),
    ...about,
    origin: { kind: "onnx", name, input, output, metadata },
  });
}

/** Constants that all their readers take for a layer's parameters. A single number beside activations is a constant of the formula. */
function learnedConstants(graph: Graph): Value[] {
  const readers = consumersOf(graph.nodes);
  const takes = (value: Value) => (node: Node) =>
    node.inputs.every((input, i) => input !== value || node.operator.learned?.includes(i) === true);
  return graph.constants.filter((value) => {
    const { data, shape } = value;
    const own = readers.get(value) ?? [];
    const layered = elements(shape) > 1 || own.some(({ operator }) => operator.cost?.ofWeights);
    return data instanceof Float32Array && shape.length > 0 && own.length > 0 && layered && own.every(takes(value));
  });
}

/** The graph with a constant in place of each Identity of one: exporters write equal parameters once. */
function withOwnConstants(source: Graph): Graph {
  const graph = new Graph(source.name, source.outputs.keys());
  const known = new Map(source.inputs.map((value) => [value, graph.input(value.name, value.shape, value.dtype)]));
  const own = ({ name, shape, dtype }: Value, { data }: Value) =>
    graph.constant(data as TensorData, shape, { name, dtype });
  for (const value of source.constants) known.set(value, own(value, value));
  for (const { operator, inputs, outputs } of source.nodes) {
    const [from, to] = [inputs[0], outputs[0]];
    if (operator === Identity && from?.data && to) known.set(to, own(to, from));
  }
  const outputs = graft(source, graph, known, [...source.outputs.values()]);
  [...source.outputs.keys()].forEach((name, i) => {
    graph.output(name, outputs[i] as Value);
  });
  return graph;
}

/** Images have no more channels, and no network is read with images that are narrower. */
const MOST_CHANNELS = 4;

/** @throws NetworkError for a network of images [N, H, W, C], as TensorFlow's are */
function refuseChannelsLast({ inputs, outputs }: Graph): void {
  const images = [...inputs, ...outputs.values()];
  if (!images.every(({ shape }) => shape.length === 4 && (shape[3] as number) <= MOST_CHANNELS)) return;
  throw new NetworkError(
    "its images are [N, H, W, C], channels last; expected [N, C, H, W]: export it channels first " +
      "(tf2onnx's --inputs-as-nchw and --outputs-as-nchw)",
  );
}
