import {
  alongBoth,
  type ChannelRule,
  int,
  intOr,
  type Node,
  ofFirst,
  type ReachRule,
  type ShapeRule,
  text,
  textOr,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { OWN_DOMAIN, operator } from "./declare.js";
import { shape4 } from "./geometry.js";
import { reshape, transpose } from "./reshaping.js";

const blockOf = ({ attributes }: Node): number => intOr(attributes, "blocksize", 1);

/** Whether the sub-pixels of one channel are adjacent (column-row-depth, PyTorch's order) and not C apart. */
const isAdjacent = ({ attributes }: Node): boolean => textOr(attributes, "mode", "DCR") === "CRD";

/** The r² channels that become one are tied. */
const shuffledChannels: ChannelRule = (node, trace) => {
  const shuffled = trace.of(node.inputs[0] as Value) ?? [];
  const output = node.outputs[0] as Value;
  const count = output.shape[1] as number;
  const adjacent = isAdjacent(node);
  const first = (c: number) => shuffled[adjacent ? c * (shuffled.length / count) : c] as number;
  trace.set(
    output,
    Array.from({ length: count }, (_, c) => first(c)),
  );
  const merged = shuffled.map((_, i) => first(adjacent ? Math.floor((i * count) / shuffled.length) : i % count));
  trace.tie(merged, shuffled);
};

const shuffledReach: ReachRule = ofFirst((node, spans) => {
  const r = blockOf(node);
  return alongBoth(spans, ({ step, low, high }) => ({ step: step / r, low: low - (step * (r - 1)) / r, high }));
});

export const DepthToSpace = operator("DepthToSpace", {
  shape: (operands) => {
    const { dtype, shape } = operands.ranked(0, 4);
    const [batch, channels, height, width] = shape as [number, number, number, number];
    const block = intOr(operands.attributes, "blocksize", 0);
    if (block < 1 || channels % block ** 2)
      operands.fail(`${channels} channels don't divide into blocks of ${block}×${block}`);
    return [{ dtype, shape: [batch, channels / block ** 2, height * block, width * block] }];
  },
  // Either order has its inverse: ours, and ONNX's own.
  gradient: (node, [dy]) => {
    const inverse = isAdjacent(node) ? PixelUnshuffle : SpaceToDepth;
    return [dy && single(inverse, [dy], { blocksize: int(blockOf(node)) })];
  },
  channels: shuffledChannels,
  reach: shuffledReach,
});

const spaceToDepth: ShapeRule = (operands) => {
  const { dtype, shape } = operands.ranked(0, 4);
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const block = intOr(operands.attributes, "blocksize", 0);
  if (block < 1 || height % block || width % block)
    operands.fail(`${height}×${width} doesn't divide into blocks of ${block}`);
  return [{ dtype, shape: [batch, channels * block ** 2, height / block, width / block] }];
};

/** Each channel's r² sub-pixels become channels, C apart. */
const spreadChannels: ChannelRule = (node, trace) => {
  const read = trace.of(node.inputs[0] as Value) ?? [];
  trace.set(node.outputs[0] as Value, Array.from({ length: blockOf(node) ** 2 }, () => read).flat());
};

/** The inverse of a shuffle's: what begins elsewhere than at a multiple of r is folded in another way, which `shiftPeriod` tells. */
const foldedReach: ReachRule = ofFirst((node, spans) => {
  const r = blockOf(node);
  return alongBoth(spans, ({ step, low, high }) => ({ step: step * r, low, high: high + step * (r - 1) }));
});

export const SpaceToDepth = operator("SpaceToDepth", {
  shape: spaceToDepth,
  gradient: (node, [dy]) => [dy && single(DepthToSpace, [dy], { blocksize: int(blockOf(node)) })],
  channels: spreadChannels,
  reach: foldedReach,
});

/** The inverse of a pixel shuffle; ONNX's SpaceToDepth has another order. */
export const PixelUnshuffle = operator("PixelUnshuffle", {
  domain: OWN_DOMAIN,
  shape: spaceToDepth,
  decompose: (node, [x]) => [unshuffled(x as Value, blockOf(node))],
  reach: foldedReach,
});

function unshuffled(x: Value, r: number): Value {
  const [batch, channels, height, width] = shape4(x);
  const blocks = reshape(x, [batch, channels, height / r, r, width / r, r]);
  return reshape(transpose(blocks, [0, 1, 3, 5, 2, 4]), [batch, channels * r ** 2, height / r, width / r]);
}

/** Pixel shuffle: [N, C·r², H, W] → [N, C, r·H, r·W], sub-pixels of one channel adjacent (PyTorch's order, ONNX CRD). */
export const pixelShuffle = (x: Value, r: number): Value =>
  single(DepthToSpace, [x], { blocksize: int(r), mode: text("CRD") });

/** As `pixelShuffle`, where sub-pixels of one channel lie C apart (ONNX's DCR). */
export const depthToSpace = (x: Value, r: number): Value =>
  single(DepthToSpace, [x], { blocksize: int(r), mode: text("DCR") });

/** The inverse of a pixel shuffle: [N, C, r·H, r·W] → [N, C·r², H, W]. */
export const pixelUnshuffle = (x: Value, r: number): Value => single(PixelUnshuffle, [x], { blocksize: int(r) });
