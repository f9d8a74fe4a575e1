import { OnnxError, UsageError } from "../errors.js";
import type { Graph } from "../graph/index.js";
import type { Size } from "../images/geometry.js";
import { ANY_SIZE, describeShapes, readDescriptorMetadata } from "../model/descriptor.js";
import { refuseExternalData } from "../onnx/external.js";
import { readOnnx } from "../onnx/index.js";
import { type ModelMessage, readModelMessage, type ValueMessage } from "../onnx/messages.js";
import { costOf, type Deployment, type DeploymentCost } from "./deployment.js";
import { behindShuffles } from "./subpixel.js";

export interface OnnxFileOptions {
  /** Where the graph doesn't tell. */
  scale?: number | undefined;
  /** Pixel values of the model's images go from 0 to this; by default what its metadata say, or 255. */
  range?: 255 | 1 | undefined;
}

const FLOAT32 = 1;
/** Size that open axes are given for analysis. */
const PROBE = 32;

/**
 * An ONNX model of anyone's, from one float image [N, 3, H, W] to another. Operators that only the engine knows are fine;
 * its cost is then not known.
 * @param name what errors and tables call it
 * @throws OnnxError where it is damaged or no such model; UsageError where the scale is neither given nor in the graph
 */
export function onnxDeployment(name: string, onnx: Uint8Array, { scale, range }: OnnxFileOptions = {}): Deployment {
  const { graph: message, metadata } = readMessage(name, onnx);
  refuseExternalData(onnx, name);
  const initial = new Set(message.initializers.map((tensor) => tensor.name));
  const inputs = message.inputs.filter((input) => !initial.has(input.name));
  const [[input, ...more], [output, ...others]] = [inputs, message.outputs];
  if (!input || !output || more.length + others.length > 0) {
    throw new OnnxError(
      `${name} has ${inputs.length} inputs and ${message.outputs.length} outputs; expected one image in and one out`,
    );
  }
  const fixedSize = checkInput(name, input);
  const graph = understood(onnx, input, fixedSize);
  const own = graph && scaleOf(graph);
  const stored = readDescriptorMetadata(metadata);
  if (own !== undefined && scale !== undefined && own !== scale) {
    throw new UsageError(`${name} magnifies ×${own}, not ×${scale} as asked`);
  }
  const magnification = own ?? scale;
  if (magnification === undefined) throw new UsageError(`${name} doesn't tell its scale; give it with --scale`);
  return {
    scale: magnification,
    onnx,
    input: input.name,
    output: output.name,
    range: range ?? stored.range ?? 255,
    size: { ...(stored.size ?? ANY_SIZE), ...(fixedSize && { fixed: fixedSize }) },
    cost: graph ? countable(graph) : null,
  };
}

/** How many times higher the graph's output is than its input. */
function scaleOf({ inputs: [image], outputs }: Graph): number {
  const [output] = outputs.values();
  return describeShapes(image?.shape ?? [], output?.shape ?? []).scale;
}

function readMessage(name: string, onnx: Uint8Array): Required<ModelMessage> {
  try {
    const { graph, ...rest } = readModelMessage(onnx);
    if (graph) return { graph, ...rest };
  } catch (error) {
    throw new OnnxError(`${name} is damaged or not an ONNX model: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
  throw new OnnxError(`${name} holds no graph: is it an ONNX model?`);
}

/** The only size that the model takes, if it has one. */
function checkInput(name: string, { name: input, element, shape = [] }: ValueMessage): Size | undefined {
  const shown = `[${shape.join(", ")}]`;
  const [batch, channels, height, width] = shape;
  const open = (size: number | string | undefined, expected: number) => typeof size === "string" || size === expected;
  if (element !== FLOAT32 || shape.length !== 4 || !open(batch, 1) || !open(channels, 3)) {
    throw new OnnxError(
      `${name}: input ${input} has shape ${shown} and element type ${element}; expected one RGB image, float32 [N, 3, H, W]`,
    );
  }
  if (typeof height === "string" && typeof width === "string") return undefined;
  if (typeof height === "number" && typeof width === "number" && height > 0 && width > 0) return { width, height };
  throw new OnnxError(`${name}: input ${input} has shape ${shown}; height and width must both be open or both fixed`);
}

/** The graph for an image of the model's size, or of the probe's; undefined where it has operators that aren't known here. */
function understood(onnx: Uint8Array, { shape = [] }: ValueMessage, fixed: Size | undefined): Graph | undefined {
  const image = [1, 3, fixed?.height ?? PROBE, fixed?.width ?? PROBE];
  const sizes = Object.fromEntries(shape.map((size, axis) => [size, image[axis] as number]));
  try {
    const { graph } = readOnnx(onnx, { sizes });
    return [...graph.outputs.values()].every((value) => value.shape.length === 4) ? graph : undefined;
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  }
}

/** Null where multiply-accumulates depend on more than weights. */
function countable(graph: Graph): DeploymentCost | null {
  const products = graph.nodes.some(({ operator: { cost } }) => cost && !cost.ofWeights);
  return products ? null : costOf(behindShuffles(graph));
}
