import { applyLike, elements, type Graph, type Node, rewriteLazily, type Value } from "../graph/index.js";
import { geometryOf } from "../operators/geometry.js";
import { Conv, Pad, Sub } from "../operators/index.js";
import { straightNodes } from "./straight-nodes.js";

/**
 * The same network with convolutions that make features of the image in other colours A·x − m, which aren't in whole levels, as ones of the image
 * itself beside a plane of its range r, which ends where the image does:
 *
 *   W ∗ (A·x − m) = (W·A) ∗ x − (W·m / r) ∗ r.
 */
export function convolveImageItself(source: Graph, range: number): Graph {
  const { features } = straightNodes(source);
  const colours = new Map(
    [...features].flatMap((node) => {
      const colour = coloursOf(node, source);
      return colour ? [[node, colour] as const] : [];
    }),
  );
  if (colours.size === 0) return source;
  return rewriteLazily(source, (target, imageOf) => (node) => {
    const colour = colours.get(node);
    if (!colour) return undefined;
    const [, weight, bias] = node.inputs as [Value, Value, Value?];
    const beside = target.apply(Pad, [
      imageOf(source.inputs[0] as Value),
      target.integers([0, 0, 0, 0, 0, 1, 0, 0]),
      target.scalar(range),
    ]) as [Value];
    const { shape, data } = withPlane(weight, colour, range);
    const own = target.constant(data, shape, { name: target.unusedName(weight.name) });
    return applyLike(node, target, [...beside, own, bias && imageOf(bias)]);
  });
}

/** Other colours A·x − m of an image x. */
interface Colours {
  /** A: as many rows as there are channels of them, each of the image's channels. */
  readonly mixture: readonly Float32Array[];
  /** m, of as many. */
  readonly offset: Float32Array;
}

/** The colours that a convolution reads in place of the image's; undefined where it isn't of the image so. */
function coloursOf({ operator, inputs: [x, weight] }: Node, { inputs: [image] }: Graph): Colours | undefined {
  const maker = x?.producer;
  if (operator !== Conv || !maker || maker.inputs[0] !== image || weight?.shape[1] !== x?.shape[1]) return undefined;
  const channels = image?.shape[1] as number;
  if (maker.operator === Conv) return mixedColours(maker, channels);
  const { data, shape = [] } = maker.inputs[1] ?? {};
  if (maker.operator !== Sub || !(data instanceof Float32Array) || weight?.shape[1] !== channels) return undefined;
  const isOfChannels = shape.length <= 1 ? data.length === 1 : elements(shape) === shape.at(-3);
  if (!isOfChannels || (data.length !== 1 && data.length !== channels)) return undefined;
  return {
    mixture: Array.from({ length: channels }, (_, c) => Float32Array.from({ length: channels }, (_, i) => +(i === c))),
    offset: Float32Array.from({ length: channels }, (_, c) => data[data.length === 1 ? 0 : c] as number),
  };
}

/** What a convolution of one position makes of each pixel. */
function mixedColours(node: Node, channels: number): Colours | undefined {
  const { kernel, strides, pads, group } = geometryOf(node);
  const [, weight, bias] = node.inputs;
  const isOfPixels = [...kernel, ...strides, group].every((size) => size === 1) && pads.every((pad) => pad === 0);
  if (!isOfPixels || !(weight?.data instanceof Float32Array) || (bias && !(bias.data instanceof Float32Array)))
    return undefined;
  const [colours] = weight.shape as [number];
  const numbers = weight.data;
  const offset = (bias?.data ?? new Float32Array(colours)) as Float32Array;
  return {
    mixture: Array.from({ length: colours }, (_, o) => numbers.slice(o * channels, (o + 1) * channels)),
    offset: offset.map((number) => -number),
  };
}

/** The weight [O, C', kh, kw] of the colours as one [O, C + 1, kh, kw] of the image's channels and a plane of the range. */
function withPlane(
  { shape, data }: Value,
  { mixture, offset }: Colours,
  range: number,
): { shape: number[]; data: Float32Array } {
  const [filters, colours, ...kernel] = shape as [number, number, number, number];
  const channels = (mixture[0] as Float32Array).length;
  const taps = elements(kernel);
  const from = data as Float32Array;
  const wide = new Float32Array(filters * (channels + 1) * taps);
  for (let o = 0; o < filters; o++) {
    for (let i = 0; i < colours * taps; i++) {
      const w = from[o * colours * taps + i] as number;
      const [colour, tap] = [Math.floor(i / taps), i % taps];
      for (let c = 0; c <= channels; c++) {
        const share = c < channels ? mixture[colour]?.[c] : -(offset[colour] as number) / range;
        const at = (o * (channels + 1) + c) * taps + tap;
        wide[at] = (wide[at] as number) + w * (share as number);
      }
    }
  }
  return { shape: [filters, channels + 1, ...kernel], data: wide };
}
