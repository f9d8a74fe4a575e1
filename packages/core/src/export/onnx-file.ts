import { GraphError, OnnxError, UsageError } from "../errors.js";
import { DATA_TYPES, type Graph } from "../graph/index.js";
import type { Size } from "../images/geometry.js";
import {
  ANY_SIZE,
  type Descriptor,
  describeShapes,
  readDescriptorMetadata,
  type SizeRule,
} from "../model/descriptor.js";
import { hasChannelsLast, modelFromOnnx } from "../model/from-onnx.js";
import { oddChannels, partialScale, requireChannels } from "../model/image-network.js";
import { findSizeRule } from "../model/sizes.js";
import { type External, openOnnx } from "../onnx/index.js";
import type { GraphMessage, ValueMessage } from "../onnx/messages.js";
import { readPermitted } from "../onnx/permitted.js";
import { OWN_DOMAIN } from "../operators/declare.js";
import { costOf, type Deployment, type DeploymentCost, deploy, partwiseIfGlobal } from "./deployment.js";
import { behindShuffles } from "./subpixel.js";
import { weightBits } from "./weight-bits.js";

export interface OnnxFileOptions {
  /** Where the graph doesn't tell. */
  scale?: number | undefined;
  /** Of the images, where the file leaves them open. */
  channels?: 1 | 3 | undefined;
  /** Pixel values of the model's images go from 0 to this; by default what its metadata say, or 255. */
  range?: 255 | 1 | undefined;
  /** What lies in files beside the model; by default models that need any are refused. */
  external?: External | undefined;
}

const FLOAT32 = 1;
/** Halves of both kinds, and doubles. */
const OTHER_FLOATS: readonly number[] = [DATA_TYPES.float16, DATA_TYPES.bfloat16, DATA_TYPES.float64].map(
  ({ onnx }) => onnx,
);
/** Sides that open axes are given for analysis, the first that fits. */
const PROBES = [32, 64, 128, 48, 96];

/**
 * An ONNX model of anyone's, from one float image [N, C, H, W] to another, of one channel or three. Operators that only the engine knows are fine;
 * its cost is then not known.
 * @param name what errors and tables call it
 * @throws OnnxError where it is damaged or no such model; UsageError where the scale or the channels are neither given nor in the file, or given otherwise
 */
export function onnxDeployment(name: string, onnx: Uint8Array, options: OnnxFileOptions = {}): Deployment {
  const { scale, ...file } = describeOnnxFile(name, onnx, options);
  if (scale === undefined) throw new UsageError(`${name} doesn't tell its scale; give it with --scale`);
  return { scale, ...file };
}

/** As `onnxDeployment`; the scale is left out where it is neither given nor in the graph. */
export function describeOnnxFile(
  name: string,
  onnx: Uint8Array,
  options: OnnxFileOptions = {},
): Omit<Deployment, "scale"> & Partial<Pick<Deployment, "scale">> {
  const { scale, channels: asked, range, external } = options;
  const { graph: message, metadata } = namingFile(name, () => readPermitted(onnx, external));
  if (runsOtherwise(message)) return converted(name, onnx, options);
  const initial = new Set(message.initializers.map((tensor) => tensor.name));
  const inputs = message.inputs.filter((input) => !initial.has(input.name));
  const [[input, ...more], [output, ...others]] = [inputs, message.outputs];
  if (!input || !output || more.length + others.length > 0) {
    throw new OnnxError(
      `${name} has ${inputs.length} inputs and ${message.outputs.length} outputs; expected one image in and one out`,
    );
  }
  const { size: fixedSize, channels: said } = checkInput(name, input);
  const { graph, channels } = read(name, onnx, fixedSize, { asked, said });
  const own = graph && scaleOf(name, graph);
  const stored = readDescriptorMetadata(metadata);
  if (own !== undefined && scale !== undefined && own !== scale) {
    throw new UsageError(`${name} magnifies ×${own}, not ×${scale} as asked`);
  }
  const magnification = own ?? scale;
  const bits = namingFile(name, () => weightBits(message));
  const source = range !== undefined ? "given" : stored.range === undefined ? "assumed" : undefined;
  const size = fixedSize ? { ...ANY_SIZE, fixed: fixedSize } : (stored.size ?? (graph ? sizesOf(graph) : ANY_SIZE));
  const cost = graph ? countable(graph, stored.reach) : null;
  return {
    ...(magnification !== undefined && { scale: magnification }),
    channels: { input: channels, output: channels },
    onnx,
    input: input.name,
    output: output.name,
    range: range ?? stored.range ?? 255,
    ...(source && { rangeSource: source }),
    size,
    cost,
    ...(graph && partwiseIfGlobal(graph, cost, size, (parts) => parts)),
    ...(bits !== undefined && { bits }),
  };
}

/** Whether images are given to the file in another way than engines get them here: halves, channels last, parts in other files; or it has operators of our own. */
function runsOtherwise(message: GraphMessage): boolean {
  const floats = message.inputs.some(({ element }) => OTHER_FLOATS.includes(element));
  const isOwn = message.nodes.some(({ domain }) => domain === OWN_DOMAIN);
  return (
    isOwn ||
    floats ||
    hasChannelsLast({ message }) ||
    message.initializers.some(({ place }) => place.location !== undefined)
  );
}

/** The model as it is read, written anew. */
function converted(name: string, onnx: Uint8Array, { scale, channels, range, external }: OnnxFileOptions): Deployment {
  const model = namingFile(name, () => modelFromOnnx(onnx, { name, channels, external }));
  const odd = oddChannels(model.descriptor.channels);
  if (odd !== undefined) throw new OnnxError(`${name} ${odd}`);
  requireChannels(name, model.descriptor.channels, channels);
  const deployment = deploy(model);
  if (scale === undefined || scale === deployment.scale) {
    return { ...deployment, ...(range !== undefined && { range, rangeSource: "given" }) };
  }
  throw new UsageError(`${name} magnifies ×${deployment.scale}, not ×${scale} as asked`);
}

/** Where no size goes through, the graph's sizes aren't those of its output: the engine says. */
function sizesOf(graph: Graph): SizeRule {
  const [image] = graph.inputs;
  const rule = image && findSizeRule(graph, image);
  return rule && !rule.fixed ? rule : ANY_SIZE;
}

/** How many times higher the graph's output is than its input. @throws OnnxError where that is no whole number */
function scaleOf(name: string, { inputs: [image], outputs }: Graph): number {
  const [output] = outputs.values();
  const shapes = [image?.shape ?? [], output?.shape ?? []] as const;
  const partial = partialScale(...shapes);
  if (partial !== undefined) throw new OnnxError(`${name} ${partial}`);
  return describeShapes(...shapes).scale;
}

/** Errors of work on a file's contents name the file. */
function namingFile<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof OnnxError ? new OnnxError(`${name}: ${error.message}`, { cause: error }) : error;
  }
}

/** Some exporters write −1 for a size that is open, which engines take for one. */
const isOpen = (size: number | string | undefined): boolean => typeof size === "string" || Number(size) < 0;

/** The only size that the model takes, if it has one, and the channels of its images, if the file says them. */
function checkInput(
  name: string,
  { name: input, element, shape = [] }: ValueMessage,
): { size?: Size; channels?: number } {
  const shown = `[${shape.join(", ")}]`;
  const [batch, channels, height, width] = shape;
  if (element === FLOAT32 && shape.length === 4 && width === 3 && channels !== 3) {
    throw new OnnxError(
      `${name}: input ${input} has shape ${shown}, channels last; expected [N, 3, H, W]: export it channels first ` +
        "(tf2onnx's --inputs-as-nchw and --outputs-as-nchw)",
    );
  }
  const open = (size: number | string | undefined, expected: number) => isOpen(size) || size === expected;
  if (element !== FLOAT32 || shape.length !== 4 || !open(batch, 1) || !(open(channels, 3) || channels === 1)) {
    throw new OnnxError(
      `${name}: input ${input} has shape ${shown} and element type ${element}; expected one image, RGB, luma or grey: float32 ` +
        "[N, 3, H, W] or [N, 1, H, W]",
    );
  }
  const said = typeof channels === "number" && !isOpen(channels) ? { channels } : {};
  if (isOpen(height) && isOpen(width)) return said;
  if (typeof height === "number" && typeof width === "number" && height > 0 && width > 0) {
    return { ...said, size: { width, height } };
  }
  throw new OnnxError(`${name}: input ${input} has shape ${shown}; height and width must both be open or both fixed`);
}

/**
 * The channels of the model's images, and its graph for such, where its operators are known here. Channels that are open are
 * those that the weights take.
 */
function read(
  name: string,
  onnx: Uint8Array,
  fixed: Size | undefined,
  { asked, said }: { asked: number | undefined; said: number | undefined },
): { channels: number; graph: Graph | undefined } {
  if (said !== undefined) requireChannels(name, { input: said, output: said }, asked);
  const known = said ?? asked;
  const tried = (known === undefined ? [3, 1] : [known]).map((channels) => ({
    channels,
    graph: understood(onnx, channels, fixed),
  }));
  const [fitting] = tried.filter(({ graph }) => graph !== undefined);
  const channels = fitting?.channels ?? known;
  if (channels === undefined) {
    throw new UsageError(`${name} doesn't tell the channels of its images; give them with --channels (3 or 1)`);
  }
  const output = [...(fitting?.graph?.outputs.values() ?? [])][0]?.shape[1] ?? channels;
  const odd = oddChannels({ input: channels, output });
  if (odd !== undefined) throw new OnnxError(`${name} ${odd}`);
  return { channels, graph: fitting?.graph };
}

/** The graph for an image of the model's size, or of one that it takes; undefined where it has operators that aren't known here. */
function understood(onnx: Uint8Array, channels: number, fixed: Size | undefined): Graph | undefined {
  const sizes = fixed ? [fixed] : PROBES.map((side) => ({ height: side, width: side }));
  try {
    const { build } = openOnnx(onnx);
    for (const { height, width } of sizes) {
      const graph = fitting(() => build((_, axis) => [1, channels, height, width][axis]).graph);
      if (graph) return [...graph.outputs.values()].every(({ shape }) => shape.length === 4) ? graph : undefined;
    }
    return undefined;
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  }
}

/** What is built, if its shapes fit. */
function fitting<T>(build: () => T): T | undefined {
  try {
    return build();
  } catch (error) {
    if (error instanceof OnnxError && error.cause instanceof GraphError) return undefined;
    throw error;
  }
}

/**
 * Null where multiply-accumulates depend on more than weights.
 * @param reach what the file says, which counts where the graph doesn't tell
 */
function countable(graph: Graph, reach: Descriptor["reach"] | undefined): DeploymentCost | null {
  const products = graph.nodes.some(({ operator: { cost } }) => cost && !cost.ofWeights);
  if (products) return null;
  const cost = costOf(behindShuffles(graph));
  return { ...cost, radius: cost.radius ?? (reach === "global" ? undefined : reach) };
}
