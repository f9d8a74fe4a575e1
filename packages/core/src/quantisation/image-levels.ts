import { applyLike, elements, type Graph, type Node, rewriteLazily, type Value } from "../graph/index.js";
import { Conv, Pad, Sub } from "../operators/index.js";
import { straightNodes } from "./straight-nodes.js";

/**
 * The same network with convolutions that make features of the image less a colour m, which isn't in whole levels, as ones of the image
 * itself beside a plane of its range r, which ends where the image does:
 *
 *   W ∗ (x − m) = W ∗ x − (W·m / r) ∗ r.
 */
export function convolveImageItself(source: Graph, range: number): Graph {
  const { features } = straightNodes(source);
  const colours = new Map(
    [...features].flatMap((node) => {
      const colour = colourOf(node, source);
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

/** What a convolution's image is less, as many numbers as it has channels; undefined where it isn't of the image so. */
function colourOf({ operator, inputs: [x, weight] }: Node, { inputs: [image] }: Graph): Float32Array | undefined {
  const offset = x?.producer;
  if (operator !== Conv || offset?.operator !== Sub || offset.inputs[0] !== image) return undefined;
  const { data, shape = [] } = offset.inputs[1] ?? {};
  const channels = image?.shape[1] as number;
  if (!(data instanceof Float32Array) || weight?.shape[1] !== channels) return undefined;
  const isOfChannels = shape.length <= 1 ? data.length === 1 : elements(shape) === shape.at(-3);
  if (!isOfChannels || (data.length !== 1 && data.length !== channels)) return undefined;
  return Float32Array.from({ length: channels }, (_, c) => data[data.length === 1 ? 0 : c] as number);
}

/** The weight [O, C, kh, kw] with one channel more, of a plane of the range. */
function withPlane(
  { shape, data }: Value,
  colour: Float32Array,
  range: number,
): { shape: number[]; data: Float32Array } {
  const [filters, channels, ...kernel] = shape as [number, number, number, number];
  const taps = elements(kernel);
  const from = data as Float32Array;
  const wide = new Float32Array(filters * (channels + 1) * taps);
  for (let o = 0; o < filters; o++) {
    const plane = (o * (channels + 1) + channels) * taps;
    for (let i = 0; i < channels * taps; i++) {
      const w = from[o * channels * taps + i] as number;
      wide[o * (channels + 1) * taps + i] = w;
      const at = plane + (i % taps);
      wide[at] = (wide[at] as number) - (w * (colour[Math.floor(i / taps)] as number)) / range;
    }
  }
  return { shape: [filters, channels + 1, ...kernel], data: wide };
}
