import { BLOCK } from "../../../../test/support/lowerings.js";
import { Random } from "../../../../test/support/random.js";
import { type Attributes, int, ints, type Operator, text, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import { ConvTranspose, conv } from "../../src/operators/index.js";
import type { GradientCase } from "./gradients.js";
import { each, type ShapeCase, type Writer } from "./shapes.js";

interface Convolution {
  batch?: number;
  channels: number;
  filters: number;
  size: readonly [number, number];
  kernel: readonly [number, number];
  pads?: readonly number[];
  strides?: readonly [number, number];
  dilations?: readonly [number, number];
  group?: number;
  bias?: boolean;
}

const show = ({ batch = 1, channels, filters, size, kernel, bias = true, ...rest }: Convolution): string =>
  [
    `${batch} × ${channels}→${filters}, ${size.join("×")} under ${kernel.join("×")}`,
    ...Object.entries(rest).map(([name, value]) => `${name} ${value}`),
    ...(bias ? [] : ["no bias"]),
  ].join(", ");

export function convolution(settings: Convolution): GradientCase {
  const { batch = 1, channels, filters, size, kernel, bias = true, group = 1, ...window } = settings;
  return {
    name: show(settings),
    step: 0.5,
    inputs: [
      { shape: [batch, channels, ...size] },
      { shape: [filters, channels / group, ...kernel] },
      ...(bias ? [{ shape: [filters] }] : []),
    ],
    build: ([x, weight, b]) => conv(x as Value, weight as Value, b, { ...window, ...(group > 1 && { group }) }),
  };
}

/** Any geometry that fits. */
function randomConvolution(random: Random): Convolution {
  const pair = (low: number, high: number) => [random.integer(low, high), random.integer(low, high)] as const;
  const group = random.pick([1, 1, 2, 3]);
  const [kernel, dilations, pads] = [pair(1, 3), pair(1, 2), [...pair(0, 2), ...pair(0, 2)]];
  const size = [0, 1].map((i) => {
    const extent = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    return Math.max(1, extent - (pads[i] as number) - (pads[i + 2] as number)) + random.integer(0, 2);
  }) as unknown as [number, number];
  return {
    batch: random.integer(1, 2),
    channels: group * random.integer(1, 2),
    filters: group * random.integer(1, 2),
    size,
    kernel,
    pads,
    strides: pair(1, 3),
    dilations,
    group,
    bias: random.next() < 0.5,
  };
}

export const SIZES = [
  [5, 6],
  [7, 4],
  [6, 9],
];

/** Every kind of automatic pads under several strides. */
export const automatic = (write: (w: Writer, operator: Operator, attributes: Attributes) => void): ShapeCase[] =>
  each(
    AUTOMATIC.flatMap((mode) => STRIDES.map((strides) => ({ auto_pad: text(mode), strides: ints(strides) }))),
    write,
  );

const AUTOMATIC = ["SAME_UPPER", "SAME_LOWER", "VALID"];
const STRIDES = [
  [1, 1],
  [2, 3],
  [3, 2],
];

export const windowCase = (
  operator: Operator,
  name: string,
  weight: readonly number[],
  attributes: Attributes,
): GradientCase => ({
  name,
  step: 0.5,
  inputs: [{ shape: [1, 2, 5, 4] }, { shape: weight }],
  build: ([x, w]) => single(operator, [x, w], attributes),
});

export const automaticGradients = (operator: Operator, weight: readonly number[]): GradientCase[] =>
  AUTOMATIC.flatMap((mode) =>
    STRIDES.map((strides) =>
      windowCase(operator, `${mode}, strides ${strides}`, weight, { auto_pad: text(mode), strides: ints(strides) }),
    ),
  );

const numbers = new Random(3);

export const convolutions: Convolution[] = [
  { channels: 1, filters: 1, size: [1, 1], kernel: [1, 1] },
  { channels: 2, filters: 3, size: [1, 1], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { batch: 2, channels: 2, filters: 3, size: [4, 5], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { channels: 2, filters: 2, size: [3, 4], kernel: [1, 1], bias: false },
  { channels: 1, filters: 2, size: [5, 5], kernel: [5, 5], pads: [2, 2, 2, 2] },
  { channels: 1, filters: 1, size: [5, 7], kernel: [3, 3] },
  { channels: 1, filters: 2, size: [4, 4], kernel: [2, 2], pads: [0, 1, 1, 0] },
  { channels: 2, filters: 1, size: [3, 3], kernel: [3, 1], pads: [2, 0, 0, 1] },
  // Pads past the kernel: the adjoint would have to crop.
  { channels: 1, filters: 2, size: [2, 3], kernel: [2, 2], pads: [3, 2, 2, 3] },
  { channels: 1, filters: 2, size: [2, 2], kernel: [1, 1], pads: [1, 0, 0, 2] },
  // Strides that leave a remainder nothing reads.
  { channels: 1, filters: 2, size: [6, 6], kernel: [3, 3], strides: [2, 2] },
  { channels: 1, filters: 1, size: [7, 6], kernel: [2, 2], strides: [3, 4] },
  { channels: 1, filters: 1, size: [5, 5], kernel: [1, 1], strides: [2, 2] },
  { channels: 1, filters: 1, size: [7, 7], kernel: [3, 3], dilations: [2, 3] },
  { channels: 4, filters: 4, size: [3, 3], kernel: [3, 3], pads: [1, 1, 1, 1], group: 4 },
  { channels: 4, filters: 2, size: [3, 3], kernel: [2, 2], group: 2 },
  { channels: 3, filters: 3, size: [6, 7], kernel: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2], group: 3 },
  { channels: 3, filters: 3, size: [6, 6], kernel: [3, 3], pads: [2, 2, 2, 2], dilations: [2, 2], group: 3 },
  { channels: 3, filters: 6, size: [5, 6], kernel: [3, 2], strides: [2, 1], dilations: [1, 2], group: 3 },
  { channels: 4, filters: 4, size: [7, 7], kernel: [3, 3], strides: [3, 2], dilations: [2, 1], group: 2 },
  ...Array.from({ length: 24 }, () => randomConvolution(numbers)),
];

interface Transposed extends Convolution {
  outputPadding?: readonly [number, number];
}

export function transposedConvolution({ outputPadding, ...settings }: Transposed): GradientCase {
  const { batch = 1, channels, filters, size, kernel, bias = true, group = 1, ...window } = settings;
  return {
    name: `${show(settings)}${outputPadding ? `, output padding ${outputPadding}` : ""}`,
    step: 0.5,
    inputs: [
      { shape: [batch, channels, ...size] },
      { shape: [channels, filters / group, ...kernel] },
      ...(bias ? [{ shape: [filters] }] : []),
    ],
    build: (values) =>
      single(ConvTranspose, values, {
        ...Object.fromEntries(Object.entries(window).map(([name, value]) => [name, ints(value)])),
        ...(outputPadding && { output_padding: ints(outputPadding) }),
        group: int(group),
      }),
  };
}

export const transposed: Transposed[] = [
  { channels: 2, filters: 3, size: [3, 2], kernel: [1, 1], bias: false },
  { batch: 2, channels: 2, filters: 1, size: [3, 4], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { channels: 2, filters: 3, size: [3, 4], kernel: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1] },
  // FSRCNN's.
  { channels: 2, filters: 1, size: [3, 2], kernel: [9, 9], strides: [2, 2], pads: [4, 4, 4, 4], outputPadding: [1, 1] },
  { channels: 2, filters: 2, size: [3, 3], kernel: [2, 3], strides: [3, 4] },
  { channels: 2, filters: 2, size: [2, 3], kernel: [2, 2], strides: [3, 3], outputPadding: [2, 1] },
  { channels: 1, filters: 2, size: [3, 3], kernel: [2, 3], dilations: [3, 2], pads: [0, 1, 2, 0] },
  { channels: 4, filters: 4, size: [3, 2], kernel: [3, 3], strides: [2, 1], pads: [1, 0, 0, 1], group: 4 },
  { channels: 4, filters: 6, size: [2, 2], kernel: [2, 3], strides: [2, 2], dilations: [2, 1], group: 2 },
  { channels: BLOCK, filters: BLOCK, size: [2, 2], kernel: [2, 2], strides: [2, 2], bias: false },
];

export const wide: Convolution[] = [
  { channels: 3, filters: BLOCK, size: [2, 3], kernel: [2, 2], pads: [1, 0, 0, 1] },
  { batch: 2, channels: BLOCK, filters: 3, size: [2, 2], kernel: [1, 3], pads: [0, 1, 0, 1] },
  { channels: BLOCK, filters: BLOCK, size: [2, 2], kernel: [1, 1] },
  { channels: BLOCK / 2, filters: BLOCK, size: [1, 1], kernel: [1, 1] },
  // 1.5 blocks: not a whole number of them.
  { channels: BLOCK * 1.5, filters: 2, size: [2, 2], kernel: [2, 2], pads: [1, 1, 0, 0] },
];
