import { NetworkError } from "../errors.js";
import { Graph, graft, type Replacement, type Shape, type Value } from "../graph/index.js";
import { architectureOf, type NetworkOptions, type Parameters, required, structure } from "../networks/index.js";
import { mul } from "../operators/index.js";
import { analyseChannels, type ChannelAnalysis } from "./channels.js";
import {
  ANY_SIZE,
  type Descriptor,
  describeShapes,
  type ImageNames,
  type Origin,
  OWN_NAMES,
  ownSizes,
} from "./descriptor.js";
import { type Narrowing, narrowingOf, selectingFrom } from "./narrowing.js";
import { receptiveRadius } from "./reach.js";

/**
 * A network from one image [N, C, H, W] to another: what it computes, its weights, and what must be known to use it. A slimmed
 * network has its teacher's graph and narrower parameters.
 */
export interface Model {
  readonly graph: Graph;
  readonly image: Value;
  readonly output: Value;
  /** Where the parameters enter the graph, by name; each is an input or a constant of it, at full width. */
  readonly places: ReadonlyMap<string, Value>;
  readonly parameters: Parameters;
  readonly descriptor: Descriptor;
}

/** One of the networks that are built here. */
export function networkModel(network: NetworkOptions, parameters: Parameters): Model {
  const { graph, shapes } = structure(network);
  return modelOf(graph, (value) => shapes.has(value.name), parameters, {
    range: 255,
    size: ownSizes(network),
    origin: { kind: "network", network },
  });
}

/**
 * A graph with some of its inputs or constants taken for parameters.
 * @param about what the graph doesn't tell
 * @throws NetworkError unless it maps one 4-D image to another
 */
export function modelOf(
  graph: Graph,
  isParameter: (value: Value) => boolean,
  parameters: Parameters,
  about: Pick<Descriptor, "range" | "rangeSource" | "origin"> & Partial<Pick<Descriptor, "size" | "reach">>,
): Model {
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
    parameters,
    descriptor: {
      ...describeShapes(image.shape, output.shape),
      size: ANY_SIZE,
      ...about,
      reach: receptiveRadius(graph, [image]) ?? about.reach ?? "global",
    },
  };
}

const narrowings = new WeakMap<Graph, Narrowing>();

/** How a model's graph follows where its parameters have fewer channels. */
function narrowing({ graph, image, places }: Pick<Model, "graph" | "image" | "places">): Narrowing {
  const known = narrowings.get(graph);
  if (known) return known;
  const made = narrowingOf(graph, analyseChannels(graph, [image]), places.values());
  narrowings.set(graph, made);
  return made;
}

/** Which channels of a model are one and the same, at full width. */
export const channelAnalysis = (model: Model): ChannelAnalysis => narrowing(model).analysis;

/** Replaces what hands on some of the channels by what does so where parameters have these shapes; undefined where nothing changes. */
export function selecting(
  model: Pick<Model, "graph" | "image" | "places">,
  shapeOf: (name: string) => Shape,
): Replacement | undefined {
  if (!model.graph.nodes.some(({ operator }) => operator.selection)) return undefined;
  const known = narrowing(model);
  if (known.selections.length === 0) return undefined;
  return selectingFrom(known, new Map([...model.places.keys()].map((name) => [name, shapeOf(name)])));
}

/** What errors call a model. */
export const nameOf = ({ descriptor: { origin } }: Model): string =>
  origin.kind === "network" ? architectureOf(origin.network).title : origin.name;

/** Where a graph that was made of a model's comes from: an architecture's options no longer tell what it computes. */
export function graphOrigin(model: Model): Origin {
  const { origin } = model.descriptor;
  return origin.kind === "network" ? { kind: "onnx", name: nameOf(model), metadata: {}, ...OWN_NAMES } : origin;
}

/** Yields a parameter where it is first needed. */
export type ParameterSource = (name: string) => Value;

/** Parameters as constants of a graph, without names, which others in it may have. @throws NetworkError where one is missing */
export const constantSource =
  (graph: Graph, parameters: Parameters): ParameterSource =>
  (name) => {
    const { shape, data } = required(parameters, name);
    return graph.constant(data, shape);
  };

/**
 * Appends the network to the graph of `lr` [N, C, H, W], with parameters of any widths that fit together; yields its output.
 * @param known gets the copy of each of the model's values
 */
export function applyModel(
  { graph, image, output, places }: Model,
  lr: Value,
  parameterOf: ParameterSource,
  known: Map<Value, Value> = new Map(),
): Value {
  known.set(image, lr);
  const parameters = new Map<string, Value>();
  const once = (name: string): Value => {
    const made = parameters.get(name) ?? parameterOf(name);
    parameters.set(name, made);
    return made;
  };
  const given = (value: Value) => (places.get(value.name) === value ? once(value.name) : undefined);
  const replacement = selecting({ graph, image, places }, (name) => once(name).shape);
  return graft(graph, lr.graph, known, [output], { given, ...(replacement && { replacement }) })[0] as Value;
}

/** `applyModel` for images in 0..255, whatever the model's own range. */
export function applyToPixels(
  model: Model,
  lr: Value,
  parameterOf: ParameterSource,
  known: Map<Value, Value> = new Map(),
): Value {
  const { range } = model.descriptor;
  if (range === 255) return applyModel(model, lr, parameterOf, known);
  return mul(applyModel(model, mul(lr, range / 255), parameterOf, known), 255 / range);
}

/** The network with its parameters as constants, for images of the given shape. */
export function instantiate(model: Model, shape: readonly number[], names: ImageNames = OWN_NAMES): Graph {
  const graph = new Graph(model.graph.name, [names.output]);
  const lr = graph.input(names.input, shape);
  // Before all else, so that nothing that is made on the way takes a parameter's name.
  const constants = new Map(
    [...model.places.keys()].map((name) => {
      const { shape, data } = required(model.parameters, name);
      return [name, graph.constant(data, shape, { name })];
    }),
  );
  graph.output(
    names.output,
    applyModel(model, lr, (name) => constants.get(name) as Value),
  );
  return graph;
}

/** The same network as a graph whose places have the sizes that its parameters really have. */
export function atOwnWidth(model: Model): Model {
  const graph = new Graph(model.graph.name);
  const lr = graph.input(model.image.name, model.image.shape);
  const parameterOf = (name: string) => graph.input(name, required(model.parameters, name).shape);
  graph.output("sr", applyModel(model, lr, parameterOf));
  return modelOf(graph, (value) => model.places.has(value.name), model.parameters, model.descriptor);
}
