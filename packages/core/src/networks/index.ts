import type { Value } from "../graph/index.js";
import { Graph } from "../graph/index.js";
import { Layers } from "./layers.js";
import { declaredInputs, type ParameterShapes, type ParameterSource } from "./parameters.js";
import { architectureOf, type NetworkOptions } from "./registry.js";

export * from "./architecture.js";
export * from "./initialise.js";
export { DIV2K_MEAN, descriptionOf, type Mean, SCALES, type Scale } from "./options.js";
export * from "./parameters.js";
export { ARCHITECTURES, architectureOf, type NetworkOptions, networkOptions } from "./registry.js";
export * from "./vgg19/network.js";

/** Appends the network to the graph of `lr` [N, C, H, W]: the images that it makes [N, C, s·H, s·W], in 0..255, unclipped. */
export function buildNetwork(options: NetworkOptions, lr: Value, source: ParameterSource): Value {
  return architectureOf(options).build(options, new Layers(source), lr);
}

/** Channels of a network's images. */
export const imageChannels = (options: NetworkOptions): 1 | 3 => ("channels" in options ? options.channels : 3);

/** The network as a graph of its own with its parameters as inputs, for analysis of its structure. */
export function structure(options: NetworkOptions): { graph: Graph; shapes: ParameterShapes } {
  const graph = new Graph(options.architecture);
  const shapes = new Map<string, readonly number[]>();
  const size = Math.max(8, architectureOf(options).minimum ?? 1);
  const lr = graph.input("lr", [1, imageChannels(options), size, size]);
  graph.output("sr", buildNetwork(options, lr, declaredInputs(graph, shapes)));
  return { graph, shapes };
}

export const parameterShapes = (options: NetworkOptions): ParameterShapes => structure(options).shapes;
