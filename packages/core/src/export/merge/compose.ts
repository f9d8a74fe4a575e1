import { kernelBeforeShuffle, sideBeforeShuffle } from "../subpixel.js";
import { keepsSize, type LinearMap, type MapShape } from "./linear-map.js";

/** Two convolutions, the second of the first's output: which one does both, and where it does what they do. */
export interface Composition<Shape extends MapShape = MapShape> {
  readonly map: Shape;
  /** Whether it does so up to the border; see `composition`. */
  readonly isExact: boolean;
}

/**
 * The shape of the convolution that is `outer` behind `inner`; undefined where none is.
 *
 * `outer` has zeros around the intermediate image, where `inner` computed on would yield something else. They are one and the same
 * where `outer` adds no zeros, or where `inner` sees nothing of the image from out there and makes nothing of nothing.
 */
export function composition(inner: MapShape, outer: MapShape): Composition | undefined {
  if (inner.strides.some((stride) => stride > 1) || inner.group !== outer.group) return undefined;
  const axes = [0, 1].map((axis) => composedAxis(inner, outer, axis as 0 | 1));
  const [vertical, horizontal] = axes;
  if (!vertical || !horizontal) return undefined;
  const blind = inner.pads.every((pad, i) => {
    const axis = (i % 2) as 0 | 1;
    return ((inner.weight[2 + axis] as number) - 1) * inner.dilations[axis] <= pad;
  });
  return {
    map: {
      weight: [outer.weight[0], inner.weight[1], vertical.side, horizontal.side],
      group: inner.group,
      strides: outer.strides,
      dilations: [vertical.dilation, horizontal.dilation],
      pads: inner.pads.map((pad, i) => pad + (outer.pads[i] as number)) as unknown as MapShape["pads"],
      isSilent: inner.isSilent && outer.isSilent,
    },
    isExact: outer.pads.every((pad) => pad === 0) || (blind && inner.isSilent),
  };
}

/** Taps k and l of dilations d and e lie d·k + e·l apart: evenly where one of the sides is 1, or neither is dilated. */
function composedAxis(inner: MapShape, outer: MapShape, axis: 0 | 1): { side: number; dilation: number } | undefined {
  const [first, second] = [inner, outer].map(({ weight, dilations }) => ({
    side: weight[2 + axis] as number,
    dilation: dilations[axis],
  })) as [{ side: number; dilation: number }, { side: number; dilation: number }];
  if (first.side === 1) return second;
  if (second.side === 1) return first;
  const isDense = first.dilation === 1 && second.dilation === 1;
  return isDense ? { side: first.side + second.side - 1, dilation: 1 } : undefined;
}

/**
 * The convolution that is `outer` behind `inner`, of the shape that `composition` says:
 *
 *   W[o, i, k + l] = Σ_m outer[o, m, l] · inner[m, i, k],  b[o] = outer.b[o] + Σ_{m,l} outer[o, m, l] · inner.b[m].
 */
export function compose(inner: LinearMap, outer: LinearMap, shape: MapShape): LinearMap {
  const [filters, channels, height, width] = shape.weight;
  const [middles, , innerHeight, innerWidth] = inner.weight;
  const [, read, outerHeight, outerWidth] = outer.weight;
  const kernel = new Float64Array(filters * channels * height * width);
  const bias = outer.bias.slice();
  const innerArea = innerHeight * innerWidth;
  const places = Int32Array.from(
    { length: innerArea },
    (_, k) => Math.floor(k / innerWidth) * width + (k % innerWidth),
  );
  let from = 0;
  for (let o = 0; o < filters; o++) {
    const firstMiddle = Math.floor((o * outer.group) / filters) * (middles / inner.group);
    for (let m = firstMiddle; m < firstMiddle + read; m++) {
      for (let y = 0; y < outerHeight; y++) {
        for (let x = 0; x < outerWidth; x++) {
          const factor = outer.kernel[from++] as number;
          // Kernels that were put before a shuffle are mostly zeros.
          if (factor === 0) continue;
          bias[o] = (bias[o] as number) + factor * (inner.bias[m] as number);
          for (let i = 0; i < channels; i++) {
            const corner = ((o * channels + i) * height + y) * width + x;
            const taps = (m * channels + i) * innerArea;
            for (let k = 0; k < innerArea; k++) {
              const at = corner + (places[k] as number);
              kernel[at] = (kernel[at] as number) + factor * (inner.kernel[taps + k] as number);
            }
          }
        }
      }
    }
  }
  return { ...shape, kernel, bias };
}

/** The shape of a convolution's equal before a pixel shuffle of r that it followed; undefined where it has none. */
export function shapeBeforeShuffle(map: MapShape, r: number): MapShape | undefined {
  const [filters, channels, height, width] = map.weight;
  const isDense = map.group === 1 && map.dilations.every((dilation) => dilation === 1);
  if (height !== width || !isDense || !keepsSize(map)) return undefined;
  const side = sideBeforeShuffle(height, r);
  const pad = (side - 1) / 2;
  return { ...map, weight: [filters * r ** 2, channels * r ** 2, side, side], pads: [pad, pad, pad, pad] };
}

/** The convolution before a pixel shuffle of r, of the shape that `shapeBeforeShuffle` says. */
export function mapBeforeShuffle({ weight, kernel, bias }: LinearMap, r: number, shape: MapShape): LinearMap {
  const before = kernelBeforeShuffle({ shape: weight, data: kernel }, r);
  const biases = Float64Array.from({ length: bias.length * r ** 2 }, (_, i) => bias[Math.floor(i / r ** 2)] as number);
  return { ...shape, kernel: before.data, bias: biases };
}

/**
 * The convolution with its filters in the order in which one pixel shuffle does what several do, the first before the others: of
 * sub-pixel (a, b) of r = 2 and (c, d) of s = 3 within, one of r · s = 6 has (3·a + c, 3·b + d).
 */
export function filtersForOneShuffle(map: LinearMap, factors: readonly number[]): LinearMap {
  const [filters, ...rest] = map.weight;
  const size = map.kernel.length / filters;
  const kernel = new Float64Array(map.kernel.length);
  const bias = new Float64Array(filters);
  for (let from = 0; from < filters; from++) {
    const to = placeInOneShuffle(from, factors);
    kernel.set(map.kernel.subarray(from * size, (from + 1) * size), to * size);
    bias[to] = map.bias[from] as number;
  }
  return { ...map, weight: [filters, ...rest], kernel, bias };
}

function placeInOneShuffle(filter: number, factors: readonly number[]): number {
  let [rest, row, column] = [filter, 0, 0];
  // The filter's number ends in the first shuffle's sub-pixel.
  for (const r of factors) {
    const phase = rest % r ** 2;
    rest = Math.floor(rest / r ** 2);
    row = row * r + Math.floor(phase / r);
    column = column * r + (phase % r);
  }
  const whole = factors.reduce((product, r) => product * r, 1);
  return (rest * whole + row) * whole + column;
}

/** The shape of the convolution that is the sum of two of one image; undefined where none is. */
export function sumShape(a: MapShape, b: MapShape): MapShape | undefined {
  if (a.group !== b.group || a.strides.some((stride, axis) => stride !== b.strides[axis])) return undefined;
  const dilations = [0, 1].map((axis) => {
    const [one, other] = [a, b].map(({ weight, dilations }) => ({ side: weight[2 + axis], dilation: dilations[axis] }));
    if (one?.side === 1) return other?.dilation;
    return other?.side === 1 || one?.dilation === other?.dilation ? one?.dilation : undefined;
  });
  const pads = a.pads.map((pad, i) => Math.max(pad, b.pads[i] as number));
  const sides = [0, 1].map((axis) => sumSide(a, b, axis as 0 | 1, dilations[axis], pads));
  if (dilations.includes(undefined) || sides.includes(undefined)) return undefined;
  return {
    ...a,
    weight: [a.weight[0], a.weight[1], ...(sides as [number, number])],
    dilations: dilations as [number, number],
    pads: pads as unknown as MapShape["pads"],
    isSilent: a.isSilent && b.isSilent,
  };
}

/** The side of the kernel that has the taps of both: zeros that one adds and the other doesn't are taps of its own. */
function sumSide(
  a: MapShape,
  b: MapShape,
  axis: 0 | 1,
  dilation: number | undefined,
  pads: readonly number[],
): number | undefined {
  if (dilation === undefined) return undefined;
  const sides = [a, b].map((map) => {
    const [before, after] = [axis, axis + 2].map((i) => (pads[i] as number) - (map.pads[i] as number));
    const taps = [before, after].map((zeros) => (zeros as number) / dilation);
    return taps.every(Number.isInteger) ? taps.reduce((sum, each) => sum + each, map.weight[2 + axis] as number) : -1;
  });
  return sides[0] === sides[1] && sides[0] !== -1 ? sides[0] : undefined;
}

/** The convolution that is a + sign · b, of the shape that `sumShape` says. */
export function sumOf(a: LinearMap, b: LinearMap, sign: 1 | -1, shape: MapShape): LinearMap {
  const [, channels, height, width] = shape.weight;
  const kernel = new Float64Array(shape.weight[0] * channels * height * width);
  for (const [map, factor] of [[a, 1] as const, [b, sign] as const]) {
    const [, , rows, columns] = map.weight;
    const [down, right] = [0, 1].map(
      (axis) => ((shape.pads[axis] as number) - (map.pads[axis] as number)) / (shape.dilations[axis] as number),
    ) as [number, number];
    map.kernel.forEach((w, from) => {
      const [plane, row, column] = [
        Math.floor(from / (rows * columns)),
        Math.floor(from / columns) % rows,
        from % columns,
      ];
      const at = (plane * height + row + down) * width + column + right;
      kernel[at] = (kernel[at] as number) + factor * w;
    });
  }
  return { ...shape, kernel, bias: a.bias.map((value, i) => value + sign * (b.bias[i] as number)) };
}
