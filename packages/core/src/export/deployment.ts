import type { Graph } from "../graph/index.js";
import { graphCost } from "../model/cost.js";
import { type Descriptor, imageNames } from "../model/descriptor.js";
import { activationBytes } from "../model/memory.js";
import type { Model } from "../model/model.js";
import { receptiveRadius, shiftPeriod } from "../model/reach.js";
import { writeOnnx } from "../onnx/index.js";
import { merged, sizesOf } from "./deployable.js";
import { arranged, exampleOf, writeGraph } from "./onnx.js";
import { type PartwiseNetwork, partwise } from "./partwise.js";
import { shuffleInSteps } from "./shuffle-in-steps.js";

/** A network as it is deployed: an ONNX file from one image [1, C, H, W] to another, and what running it takes to know. */
export interface Deployment {
  readonly onnx: Uint8Array;
  /** Names of its input and output. */
  readonly input: string;
  readonly output: string;
  readonly scale: number;
  /** Channels of the images that go in and come out: 1 of each, or 3. */
  readonly channels: Descriptor["channels"];
  readonly range: Descriptor["range"];
  readonly rangeSource?: Descriptor["rangeSource"];
  readonly size: Descriptor["size"];
  /** Null where the graph has operators that are not known here. */
  readonly cost: DeploymentCost | null;
  /** Of its convolutions' weights, where they are integers. */
  readonly bits?: number;
  /** How parts of an image are computed just as within it, where its means are all that the network takes from the whole of it. */
  readonly partwise?: PartwiseNetwork;
}

/** What running a network takes. */
export interface DeploymentCost {
  readonly parameters: number;
  /** Multiply-accumulates for a 1280×720 output. */
  readonly macs: number;
  /** Input pixels at each side that an output pixel depends on; undefined where that is the whole image. */
  readonly radius: number | undefined;
  /** A tile begins at multiples of so many pixels, or it comes out otherwise than within the image. */
  readonly period: number;
  /** Memory that a run takes for each input pixel. */
  readonly bytesPerPixel: number;
}

/** The engine's memory over that of the activations: copies between layouts and what its arena rounds up (measured: 1.65). */
const ENGINE_OVERHEAD = 1.75;

/**
 * A model ready to be run: linear stretches are computed as one convolution, and pixels along the border, where that would have others, by
 * the stretch itself. The image is the same, to rounding, in less time and memory. The cost is that of the network as it is; its memory and
 * the sizes that it takes are those of what is run.
 */
export function deploy(model: Model): Deployment {
  const { scale, channels, range, rangeSource, size, reach } = model.descriptor;
  const { input, output } = imageNames(model.descriptor);
  const example = exampleOf(model);
  const { graph, border } = merged(example, scale, { isOwn: true });
  const ready = arranged(graph);
  const radius = reach === "global" ? undefined : reach;
  const cost = { ...costOf(example), radius, bytesPerPixel: bytesPerPixel(ready) };
  return {
    onnx: writeGraph(shuffleInSteps(ready), model.descriptor),
    input,
    output,
    scale,
    channels,
    range,
    ...(rangeSource && { rangeSource }),
    // The border of one side is not that of the other.
    size: sizesOf(size, undefined, Math.ceil((2 * border) / scale)),
    cost,
    ...partwiseIfGlobal(example, cost, size, (parts) =>
      shuffleInSteps(arranged(merged(parts, scale, { isOwn: true }).graph)),
    ),
  };
}

/** @param graph from one image [1, C, H, W] to another, its parameters constants */
export function costOf(graph: Graph): DeploymentCost {
  const { parameters, macs } = graphCost(graph);
  return {
    ...{ parameters, macs, radius: receptiveRadius(graph), period: shiftPeriod(graph) },
    bytesPerPixel: bytesPerPixel(graph),
  };
}

/** Memory that a run takes for each pixel of the graph's first input. */
function bytesPerPixel(graph: Graph): number {
  const [, , height = 1, width = 1] = graph.inputs[0]?.shape ?? [];
  return (ENGINE_OVERHEAD * activationBytes(graph)) / (height * width);
}

/**
 * @param graph a network's, its parameters constants
 * @param cost of the same network
 * @param ready makes of a graph what engines run
 */
export function partwiseIfGlobal(
  graph: Graph,
  cost: DeploymentCost | null,
  { fixed, multipleOf }: Descriptor["size"],
  ready: (graph: Graph) => Graph,
): Pick<Deployment, "partwise"> {
  if (cost?.radius !== undefined || fixed) return {};
  const made = partwise(graph, multipleOf);
  if (!made) return {};
  const { graph: parts, dynamicAxes, ...network } = made;
  const written = ready(parts);
  return {
    partwise: {
      ...network,
      onnx: () => writeOnnx(written, { dynamicAxes }),
      bytesPerPixel: bytesPerPixel(written),
    },
  };
}
