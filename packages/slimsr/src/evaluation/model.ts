import { exportOnnx } from "@slimsr/core/internal/export/onnx.js";
import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { graphCost } from "@slimsr/core/internal/model/cost.js";
import { activationBytes } from "@slimsr/core/internal/model/memory.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { receptiveRadius } from "@slimsr/core/internal/model/reach.js";
import type { Parameters } from "@slimsr/core/internal/networks/index.js";
import type { Size } from "@slimsr/upscaler/internal/planes.js";

/** An ONNX model from one image [1, 3, H, W] to another, and what is known of it. */
export interface EvaluatedModel {
  /** What tables call it. */
  readonly name: string;
  /** Share of the full network's channels. */
  readonly width: number;
  readonly scale: number;
  readonly onnx: Uint8Array;
  /** Names of its input and output. */
  readonly input: string;
  readonly output: string;
  /** Pixel values of its images go from 0 to this. */
  readonly range: 255 | 1;
  /** The only input size it takes. */
  readonly fixedSize?: Size;
  /** Null where the graph has operators that are not known here. */
  readonly cost: ModelCost | null;
}

/** What running a model takes. */
export interface ModelCost {
  readonly parameters: number;
  /** For a 1280×720 output. */
  readonly macs: number;
  /** Input pixels at each side that an output pixel depends on; undefined where that is the whole image. */
  readonly radius: number | undefined;
  /** Memory that a run takes for each input pixel. */
  readonly bytesPerPixel: number;
}

/** Sides of the image that graphs are analysed with. */
const PROBE = 32;

/** The engine's memory over that of the activations: copies between layouts and what its arena rounds up (measured: 1.65). */
const ENGINE_OVERHEAD = 1.75;

/** A network and its parameters as they are deployed, for evaluation. */
export function evaluatedModel(name: string, width: number, model: Model, parameters: Parameters): EvaluatedModel {
  const graph = instantiate(model, parameters, [1, 3, PROBE, PROBE]);
  return {
    name,
    width,
    scale: scaleOf(graph),
    onnx: exportOnnx(model, parameters),
    input: "lr",
    output: "sr",
    range: 255,
    cost: costOf(graph),
  };
}

/** @param graph from one image [1, 3, H, W] to another */
export function costOf(graph: Graph): ModelCost {
  const { parameters, macs } = graphCost(graph);
  const [, , height = 1, width = 1] = graph.inputs[0]?.shape ?? [];
  const bytesPerPixel = (ENGINE_OVERHEAD * activationBytes(graph)) / (height * width);
  return { parameters, macs, radius: receptiveRadius(graph), bytesPerPixel };
}

/** How many times higher the graph's output is than its input. */
export function scaleOf(graph: Graph): number {
  const output = graph.outputs.values().next().value;
  return (output?.shape[2] ?? 1) / (graph.inputs[0]?.shape[2] ?? 1);
}
