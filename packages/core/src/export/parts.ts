import { intOr, type Value } from "../graph/index.js";
import { add, Conv, conv, Relu, relu } from "../operators/index.js";
import type { Kernel } from "./subpixel.js";

/**
 * Channels that are made and read at a time. A tensor of all r² · C channels would be most of a network's memory, and writing
 * it takes longer than computing parts that stay in the processor's cache.
 */
const PART = 64;

/**
 * Convolution of x with a kernel of odd side and a bias, the size kept. If a convolution (and a ReLU) makes x, both are done for
 * some of x's channels at a time and the results are added.
 */
export function convolveInParts(x: Value, kernel: Kernel, bias: Float32Array, name: string): Value {
  const { graph } = x;
  const activated = x.producer?.operator === Relu;
  const maker = activated ? x.producer?.inputs[0]?.producer : x.producer;
  const [source, weight, offset] = maker?.inputs ?? [];
  const channels = kernel.shape[1] as number;
  const bounds = partsOf(channels);
  const [filters, offsets] = [weight?.data, offset?.data];
  const pad = ((kernel.shape[2] as number) - 1) / 2;
  const apply = (narrow: Value, start: number, end: number, suffix: string): Value => {
    const part = columns(kernel, start, end);
    const parameters = [graph.constant(part.data, part.shape, { name: graph.unusedName(`${name}${suffix}`) })];
    if (start === 0) parameters.push(graph.constant(bias, [bias.length]));
    return conv(narrow, parameters[0] as Value, parameters[1], { pads: [pad, pad, pad, pad] });
  };
  const divisible = maker?.operator === Conv && intOr(maker.attributes, "group", 1) === 1 && bounds.length > 1;
  const isConstant = filters instanceof Float32Array && (!offset || offsets instanceof Float32Array);
  if (!divisible || !source || !weight || !isConstant) {
    return apply(x, 0, channels, "");
  }
  const size = filters.length / channels;
  return bounds
    .map(([start, end], i) => {
      const rows = [
        graph.constant(filters.slice(start * size, end * size), [end - start, ...weight.shape.slice(1)], {
          name: graph.unusedName(`${weight.name}.${i}`),
        }),
        ...(offsets instanceof Float32Array ? [graph.constant(offsets.slice(start, end), [end - start])] : []),
      ];
      const narrow = graph.apply(Conv, [source, ...rows], maker.attributes)[0] as Value;
      return apply(activated ? relu(narrow) : narrow, start, end, `.${i}`);
    })
    .reduce((sum, part) => add(sum, part));
}

/** About equal parts of at most `PART` channels, in multiples of the engine's block of 16. */
function partsOf(channels: number): [start: number, end: number][] {
  const count = Math.ceil(channels / PART);
  const size = Math.ceil(channels / count / 16) * 16;
  return Array.from({ length: Math.ceil(channels / size) }, (_, i) => [i * size, Math.min(channels, (i + 1) * size)]);
}

/** The part of a kernel that reads channels `start` to `end` − 1. */
function columns({ shape, data }: Kernel, start: number, end: number): Kernel {
  const [filters, channels, side] = shape as [number, number, number, number];
  const area = side * side;
  const part = new Float32Array(filters * (end - start) * area);
  for (let f = 0; f < filters; f++) {
    const row = data.subarray((f * channels + start) * area, (f * channels + end) * area);
    part.set(row, f * (end - start) * area);
  }
  return { shape: [filters, end - start, side, side], data: part };
}
