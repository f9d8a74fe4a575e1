import type { Taps } from "./separable.js";

/** How a resize reads an axis, in ONNX's terms. */
export interface Sampling {
  readonly mode: (typeof MODES)[number];
  readonly transform: keyof typeof TRANSFORMS;
  readonly rounding: keyof typeof ROUNDINGS;
  /** a of Keys' cubic kernel. */
  readonly coefficient: number;
  /** Whether a cubic kernel leaves out what lies past the border, instead of repeating the border. */
  readonly excludeOutside: boolean;
}

const MODES = ["nearest", "linear", "cubic"] as const;

/** What of a file's sampling isn't known here, and what would be. */
export function unknownSampling({ mode, transform, rounding }: Sampling): string | undefined {
  const stated: [name: string, value: string, known: readonly string[]][] = [
    ["mode", mode, MODES],
    ["coordinate_transformation_mode", transform, Object.keys(TRANSFORMS)],
    ["nearest_mode", rounding, Object.keys(ROUNDINGS)],
  ];
  const [odd] = stated.filter(([, value, known]) => !known.includes(value));
  return odd && `${odd[0]} ${odd[1]} is not supported; ${odd[2].join(", ")} are`;
}

export interface ResizedAxis {
  /** Sizes before and after. */
  readonly inputs: number;
  readonly outputs: number;
  /** Magnification, in single precision, which need not be outputs / inputs. */
  readonly scale: number;
}

type Transform = (i: number, axis: ResizedAxis) => number;

// The engine counts in single precision, which decides where a coordinate lies halfway.
const single = Math.fround;

const halfPixel: Transform = (i, { scale }) => single(single((i + 0.5) / scale) - 0.5);

/** Where output i lies among the inputs. */
const TRANSFORMS = {
  half_pixel: halfPixel,
  pytorch_half_pixel: (i, axis) => (axis.outputs > 1 ? halfPixel(i, axis) : 0),
  asymmetric: (i, { scale }) => single(i / scale),
  align_corners: (i, { inputs, outputs }) => (outputs === 1 ? 0 : single((i * (inputs - 1)) / (outputs - 1))),
} as const satisfies Record<string, Transform>;

/** What the engine takes for halfway. */
const HALFWAY = 1e-6;

/** The input that is nearest to a coordinate. */
const ROUNDINGS = {
  round_prefer_floor: (at) => Math.ceil(at - 0.5 - HALFWAY),
  round_prefer_ceil: (at) => Math.floor(at + 0.5 + HALFWAY),
  floor: Math.floor,
  ceil: Math.ceil,
} as const satisfies Record<string, (at: number) => number>;

/** What each output along an axis is made of. */
export function sampledAxis(sampling: Sampling, axis: ResizedAxis): Taps[] {
  const clamp = (at: number) => Math.min(Math.max(at, 0), axis.inputs - 1);
  return Array.from({ length: axis.outputs }, (_, i) => {
    const at = axis.scale === 1 ? i : TRANSFORMS[sampling.transform](i, axis);
    if (sampling.mode === "nearest") return [[clamp(ROUNDINGS[sampling.rounding](at)), 1]] as const;
    const taps = sampling.mode === "linear" ? linear(clamp(at)) : cubic(at, sampling, axis.inputs);
    return taps.filter(([, weight]) => weight !== 0).map(([index, weight]) => [clamp(index), weight] as const);
  });
}

function linear(at: number): Taps {
  const before = Math.floor(at);
  return [
    [before, 1 - (at - before)],
    [before + 1, at - before],
  ];
}

function cubic(at: number, { coefficient: a, excludeOutside }: Sampling, inputs: number): Taps {
  const first = Math.floor(at) - 1;
  const taps = [0, 1, 2, 3].map((k) => [first + k, keys(Math.abs(at - first - k), a)] as const);
  if (!excludeOutside) return taps;
  const inside = taps.filter(([index]) => index >= 0 && index < inputs);
  const total = inside.reduce((sum, [, weight]) => sum + weight, 0);
  return inside.map(([index, weight]) => [index, weight / total] as const);
}

/** Keys' cubic convolution kernel at distance x from 0 to 2. */
function keys(x: number, a: number): number {
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}
