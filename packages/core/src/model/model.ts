import { NetworkError } from "../errors.js";
import { Graph, graft, type TensorData, type Value } from "../graph/index.js";
import { type NetworkOptions, type Parameters, required, structure } from "../networks/index.js";
import { Identity } from "../operators/index.js";
import { analyseChannels, type ChannelAnalysis } from "./channels.js";

/** A network as a graph from one image [N, 3, H, W] to another, with parameters that stand apart from it. */
export interface Model {
  readonly graph: Graph;
  readonly image: Value;
  readonly output: Value;
  /** Where the parameters enter the graph, by name; each is an input or a constant of it. */
  readonly places: ReadonlyMap<string, Value>;
  readonly analysis: ChannelAnalysis;
}

/** One of the networks that are built here. */
export function networkModel(options: NetworkOptions): Model {
  const { graph, shapes } = structure(options);
  return modelOf(graph, (value) => shapes.has(value.name));
}

/**
 * A graph that was read from elsewhere: its float constants of one axis or more are the parameters.
 * @throws NetworkError unless it maps one 4-D image to another; GraphError where its channels can't be followed.
 */
export function importedModel(source: Graph): { model: Model; parameters: Parameters } {
  const graph = withOwnConstants(source);
  const floats = graph.constants.filter(({ data, shape }) => data instanceof Float32Array && shape.length > 0);
  const places = new Set(floats);
  const parameters = new Map(floats.map(({ name, shape, data }) => [name, { shape, data: data as Float32Array }]));
  return { model: modelOf(graph, (value) => places.has(value)), parameters };
}

/** The graph with a constant in place of each Identity of one: exporters write equal parameters once. */
function withOwnConstants(source: Graph): Graph {
  const graph = new Graph(source.name);
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

function modelOf(graph: Graph, isParameter: (value: Value) => boolean): Model {
  const images = graph.inputs.filter((value) => !isParameter(value));
  const [image] = images;
  const [output] = graph.outputs.values();
  if (!image || !output || images.length > 1 || graph.outputs.size > 1 || image.shape.length !== 4) {
    throw new NetworkError(
      `graph ${graph.name} has ${images.length} inputs and ${graph.outputs.size} outputs; expected one image in and one out`,
    );
  }
  const places = [...graph.inputs, ...graph.constants].filter(isParameter);
  return {
    graph,
    image,
    output,
    places: new Map(places.map((value) => [value.name, value])),
    analysis: analyseChannels(graph, images),
  };
}

/** The network with the given parameters as constants, for images of the given shape: input `lr`, output `sr`. */
export function instantiate(model: Model, parameters: Parameters, shape: readonly number[]): Graph {
  const graph = new Graph(model.graph.name);
  const known = new Map([[model.image, graph.input("lr", shape)], ...constantsOf(model, graph, parameters)]);
  const [output] = graft(model.graph, graph, known, [model.output]);
  graph.output("sr", output as Value);
  return graph;
}

export function constantsOf(model: Model, graph: Graph, parameters: Parameters): [Value, Value][] {
  return [...model.places].map(([name, place]) => {
    const { shape, data } = required(parameters, name);
    return [place, graph.constant(data, shape, { name })];
  });
}
