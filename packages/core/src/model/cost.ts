import { elements, type Graph, liveNodes, type Node, type Shape, type Value } from "../graph/index.js";
import type { Size } from "../images/geometry.js";
import { instantiate, type Model } from "./model.js";

/** What one layer costs. */
export interface LayerCost {
  name: string;
  /** Of the weight: a convolution's outputs, inputs, kernel height and width. */
  shape: Shape;
  /** Weights and biases. */
  parameters: number;
  /** Multiply-accumulate operations an image; adding the bias isn't counted. */
  macs: number;
}

export interface Cost {
  parameters: number;
  macs: number;
  layers: LayerCost[];
}

/** The size for which the field states multiply-accumulates (Ahn et al. 2018, section 4.3). */
export const HD_OUTPUT: Size = { width: 1280, height: 720 };

/** Side of the image that is traced through the graph, times the least that is taken; costs are in proportion to the image. */
const PROBE = 8;

/**
 * Parameters and multiply-accumulates of a model at its own width. An input that would have a fraction of a pixel (1280 / 3)
 * counts as that fraction, as in the literature.
 */
export function modelCost(model: Model, output: Size = HD_OUTPUT): Cost {
  const { channels, size } = model.descriptor;
  const side = PROBE * size.minimum;
  return graphCost(instantiate(model, [1, channels.input, side, side]), output);
}

/**
 * Parameters and multiply-accumulates of a graph from one image [1, C, H, W] to another: the sum over its convolutions and
 * learned slopes. Costs grow with the image's area, save where there is one position an image.
 */
export function graphCost(graph: Graph, output: Size = HD_OUTPUT): Cost {
  const [, , height = 1, width = 1] = graph.outputs.values().next().value?.shape ?? [];
  const probes = (output.width * output.height) / (height * width);
  const counted = new Set<Value>();
  const layers = liveNodes(graph)
    .filter(({ operator }) => operator.cost?.ofWeights)
    .map((node) => layerCost(node, probes, counted));
  return { parameters: sum(layers, "parameters"), macs: sum(layers, "macs"), layers };
}

/**
 * @param probes how many images of the probe's size the input is; channel attention sees one pixel an image all the same
 * @param counted parameters that earlier layers have too
 */
function layerCost(node: Node, probes: number, counted: Set<Value>): LayerCost {
  const [x, ...parameters] = node.inputs;
  const onePosition = [x, node.outputs[0]].some((value) => elements(value?.shape.slice(2) ?? []) === 1);
  const own = parameters.filter((value) => value !== undefined && !counted.has(value)) as Value[];
  for (const value of own) counted.add(value);
  const weight = parameters[0];
  return {
    name: weight?.name.replace(/\.weight$/, "") ?? "",
    shape: weight?.shape ?? [],
    parameters: own.reduce((total, { shape }) => total + elements(shape), 0),
    macs: multiplyAccumulates(node) * (onePosition ? 1 : probes),
  };
}

/** Multiply-accumulate operations of a node. */
export const multiplyAccumulates = (node: Node): number => node.operator.cost?.multiplyAccumulates(node) ?? 0;

function sum(layers: readonly LayerCost[], figure: "parameters" | "macs"): number {
  return layers.reduce((total, layer) => total + layer[figure], 0);
}
