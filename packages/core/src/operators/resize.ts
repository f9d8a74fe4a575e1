import {
  type Attributes,
  alongBoth,
  type ChannelRule,
  floatOr,
  type GradientRule,
  integersOf,
  intOr,
  type Node,
  numbersOf,
  ofFirst,
  type ReachRule,
  type ShapeRule,
  text,
  textOr,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";
import { requirePlanes, shape4 } from "./geometry.js";
import { reduceSum } from "./reductions.js";
import { reshape } from "./reshaping.js";
import { type ResizedAxis, type Sampling, sampledAxis, unknownSampling } from "./sampling.js";
import { adjoint } from "./separable.js";

const samplingOf = (attributes: Attributes): Sampling => ({
  mode: textOr(attributes, "mode", "nearest") as Sampling["mode"],
  transform: textOr(attributes, "coordinate_transformation_mode", "half_pixel") as Sampling["transform"],
  rounding: textOr(attributes, "nearest_mode", "round_prefer_floor") as Sampling["rounding"],
  coefficient: floatOr(attributes, "cubic_coeff_a", -0.75),
  excludeOutside: intOr(attributes, "exclude_outside", 0) !== 0,
});

/** The axes, as magnifications or sizes say; undefined where neither is known. */
function axesOf({ inputs: [x, , scales, sizes] }: Pick<Node, "inputs">): ResizedAxis[] | undefined {
  const { shape } = x as Value;
  const stated = integersOf(sizes);
  if (stated) {
    return stated.map((outputs, i) => {
      const inputs = shape[i] as number;
      return { inputs, outputs, scale: Math.fround(outputs / inputs) };
    });
  }
  return numbersOf(scales)?.map((scale, i) => {
    const inputs = shape[i] as number;
    return { inputs, outputs: Math.floor(Math.fround(inputs * scale)), scale };
  });
}

const resizedShape: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const unknown = unknownSampling(samplingOf(operands.attributes));
  if (unknown) operands.fail(unknown);
  if (intOr(operands.attributes, "antialias", 0) !== 0) operands.fail("antialias is not supported; resize without it");
  const axes = axesOf(operands) ?? operands.fail("its scales or sizes must be known: constants, or made of shapes");
  if (axes.length !== shape.length) operands.fail(`${axes.length} scales or sizes for ${shape.length} axes`);
  const [batch, channels] = axes;
  if ([batch, channels].some((axis) => axis && (axis.outputs !== axis.inputs || axis.scale !== 1))) {
    operands.fail("resizes the batch or the channels; only positions are resized");
  }
  if (axes.some(({ inputs, outputs }) => outputs < 1 && inputs > 0)) operands.fail("leaves nothing");
  return [{ dtype, shape: axes.map(({ outputs }) => outputs) }];
};

const resizeGradient: GradientRule = (node, [dy]) => {
  requirePlanes(node);
  if (!dy) return [];
  const sampling = samplingOf(node.attributes);
  const maps = (axesOf(node) ?? []).map((axis, i) => ({
    ...{ axis: i, size: axis.inputs },
    outputs: sampledAxis(sampling, axis),
  }));
  const spatial = maps.slice(2);
  const factors = spatial.map(({ size, outputs }) => outputs.length / size);
  const copies = spatial.every(({ outputs }, i) =>
    outputs.every(([tap], at) => tap?.[1] === 1 && tap[0] === Math.floor(at / (factors[i] as number))),
  );
  if (!copies || factors.some((factor) => !Number.isInteger(factor))) return [adjoint(dy, spatial)];
  const [batch, channels, height, width] = shape4(node.inputs[0] as Value);
  const blocks = reshape(dy, [batch, channels, height, factors[0] as number, width, factors[1] as number]);
  return [reduceSum(blocks, { axes: [3, 5] })];
};

/** Sizes that are stated hold for so many channels only. */
const resizedChannels: ChannelRule = (node, trace) => {
  const [x, , , sizes] = node.inputs;
  if (x && sizes?.data) trace.fix(trace.of(x) ?? []);
  trace.channelwise(node, "linear");
};

/** Inputs of an axis that is long enough for taps in its middle. */
const PROBE = 16;

/** Magnified by whole numbers, outputs r·j … r·(j + 1) − 1 see the inputs around j; by others they are tied to a grid. */
const resizedReach: ReachRule = ofFirst((node, spans) => {
  const sampling = samplingOf(node.attributes);
  const axes = (axesOf(node) ?? []).slice(2);
  if (axes.length !== 2 || axes.some(({ scale }) => !Number.isInteger(scale))) return "all";
  if (sampling.transform === "align_corners" && axes.some(({ scale }) => scale !== 1)) return "all";
  return alongBoth(spans, ({ step, low, high }, i) => {
    const { scale } = axes[i] as ResizedAxis;
    const outputs = sampledAxis(sampling, { inputs: PROBE, outputs: PROBE * scale, scale });
    const middle = Array.from({ length: scale }, (_, phase) => (PROBE / 2) * scale + phase);
    const offsets = middle.flatMap((at) => (outputs[at] ?? []).map(([index]) => index - at / scale));
    return { step: step / scale, low: low + step * Math.min(...offsets), high: high + step * Math.max(...offsets) };
  });
});

export const Resize = operator("Resize", {
  shape: resizedShape,
  gradient: resizeGradient,
  channels: resizedChannels,
  reach: resizedReach,
});

/** How often a node repeats each pixel along rows and along columns, where that is all it does to images of any size. */
export function copiesOfPixels(node: Node): number | undefined {
  const scales = node.operator === Resize && !node.inputs[3] ? numbersOf(node.inputs[2]) : undefined;
  if (scales?.length !== 4) return undefined;
  const [, , scale, other] = scales as [number, number, number, number];
  if (scale !== other || !Number.isInteger(scale)) return undefined;
  const taps = sampledAxis(samplingOf(node.attributes), { inputs: PROBE, outputs: PROBE * scale, scale });
  const isCopy = taps.every(
    (seen, at) => seen.length === 1 && seen[0]?.[0] === Math.floor(at / scale) && seen[0][1] === 1,
  );
  return isCopy ? scale : undefined;
}

/** Each pixel of x [N, C, H, W] repeated `factor` times along rows and columns. */
export function resizeNearest(x: Value, factor: number): Value {
  const { graph } = x;
  const scales = graph.shared(`scales ${factor}`, () => graph.constant(Float32Array.of(1, 1, factor, factor), [4]));
  return single(Resize, [x, undefined, scales], {
    mode: text("nearest"),
    coordinate_transformation_mode: text("asymmetric"),
    nearest_mode: text("floor"),
  });
}

/**
 * x [N, C, H, W] interpolated bilinearly to `sizes`, int64 [4] of the whole shape. The corners of both images meet, as with
 * PyTorch's `align_corners=False`.
 */
export const resizeTo = (x: Value, sizes: Value): Value =>
  single(Resize, [x, undefined, undefined, sizes], {
    mode: text("linear"),
    coordinate_transformation_mode: text("half_pixel"),
  });
