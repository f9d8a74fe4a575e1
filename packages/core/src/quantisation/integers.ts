/** How numbers become integers of few bits. */

/** Of an activation, as uint8: x ≈ (q − zeroPoint) · scale, q in 0..largest. */
export interface ActivationScale {
  readonly scale: number;
  readonly zeroPoint: number;
  /** 255 where left out. */
  readonly largest?: number;
}

/** Of a convolution's weight, as int8: w ≈ q · scale of its filter. */
export interface IntegerWeight {
  /** As the weight's: [O, C / group, kh, kw]. */
  readonly codes: Int8Array;
  /** [O] */
  readonly scales: Float32Array;
}

export const LARGEST_CODE = 255;

/** The largest code of an activation of so many bits; the least is 0. */
export const largestActivationCode = (bits: number): number => 2 ** bits - 1;

/** Bits of weights that files pack, two a byte. */
export const PACKED_BITS = 4;

/** The largest code of a weight of so many bits; the least is its negative. */
export const largestWeightCode = (bits: number): number => 2 ** (bits - 1) - 1;

/** Rounded to the nearest, halves to even, as engines do. */
export function roundHalfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Nearest numbers that the integers stand for. */
export function onGrid(
  data: Float32Array,
  { scale, zeroPoint, largest = LARGEST_CODE }: ActivationScale,
): Float32Array {
  const factor = Math.fround(scale);
  return data.map((x) => {
    const code = Math.min(largest, Math.max(0, roundHalfToEven(x / factor) + zeroPoint));
    return (code - zeroPoint) * factor;
  });
}

/** Steps by which a range's ends are tried. */
const SHRINKS = Array.from({ length: 24 }, (_, i) => 1 - i / 32);
const SWEEPS = 2;

/**
 * The range of an activation's integers whose squared error is least on a sample: what lies outside is cut off, so that what lies within
 * is finer. Zero is one of its numbers, for convolutions put zeros around images.
 * @param seen the function that alone sees it, where the error is its output's: what it maps to the same is no error
 */
export function leastErrorScale(
  sample: Float32Array,
  largest = LARGEST_CODE,
  seen: (x: number) => number = (x) => x,
): ActivationScale {
  let [low, high] = [0, 0];
  for (const x of sample) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  const own = largest === LARGEST_CODE ? {} : { largest };
  if (!(high - low > 0)) return { scale: 1, zeroPoint: 0, ...own };
  const wanted = Float64Array.from(sample, seen);
  let best = { low: 1, high: 1, error: Number.POSITIVE_INFINITY };
  const consider = (lowShare: number, highShare: number) => {
    const error = squaredError(sample, wanted, seen, scaleOf(low * lowShare, high * highShare, largest));
    if (error < best.error) best = { low: lowShare, high: highShare, error };
  };
  for (const share of SHRINKS) consider(share, share);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const { low: lowShare, high: highShare } = best;
    if (low < 0) for (const share of SHRINKS) consider(share, highShare);
    if (high > 0) for (const share of SHRINKS) consider(lowShare === best.low ? lowShare : best.low, share);
  }
  const { scale, zeroPoint } = scaleOf(low * best.low, high * best.high, largest);
  return { scale, zeroPoint, ...own };
}

function scaleOf(low: number, high: number, largest: number): Required<ActivationScale> {
  const scale = Math.fround((high - low) / largest);
  return { scale, zeroPoint: Math.round(-low / scale), largest };
}

function squaredError(
  sample: Float32Array,
  wanted: Float64Array,
  seen: (x: number) => number,
  { scale, zeroPoint, largest }: Required<ActivationScale>,
): number {
  let sum = 0;
  const made = Float64Array.from({ length: largest + 1 }, (_, code) => seen(scale * (code - zeroPoint)));
  for (let i = 0; i < sample.length; i++) {
    const code = Math.round((sample[i] as number) / scale) + zeroPoint;
    const difference = (wanted[i] as number) - (made[Math.max(0, Math.min(code, largest))] as number);
    sum += difference * difference;
  }
  return sum;
}

/** What an integer bias must stay below, with room for the sum that it is added to. */
const LARGEST_BIAS = 2 ** 30;

/** The bias as integers in steps of the input's scale times each filter's. */
export const integerBias = (bias: Float32Array, inputScale: number, scales: Float32Array): Int32Array =>
  Int32Array.from(bias, (b, o) => roundHalfToEven(b / Math.fround(inputScale * (scales[o] as number))));

/**
 * The scale of each filter's weights at which a weighted squared error of rounding is least.
 * @param rows weights and the bias of each filter, [O, F + 1]
 * @param importance of each of the F, such as the mean energy of what it is multiplied with
 * @param largest code, of either sign
 */
export function leastErrorScales(
  rows: Float64Array,
  importance: Float64Array,
  largest: number,
  inputScale: number,
): Float32Array {
  const features = importance.length;
  return Float32Array.from({ length: rows.length / (features + 1) }, (_, o) => {
    const row = rows.subarray(o * (features + 1), (o + 1) * (features + 1));
    let most = 0;
    for (let f = 0; f < features; f++) most = Math.max(most, Math.abs(row[f] as number));
    // The bias is to fit integers too.
    const floor = Math.max(Math.abs(row[features] as number) / LARGEST_BIAS / inputScale, 1e-12);
    let [best, least] = [Math.max(most / largest, floor), Number.POSITIVE_INFINITY];
    for (const share of SHRINKS) {
      const scale = Math.max((share * most) / largest, floor);
      let error = 0;
      for (let f = 0; f < features; f++) {
        const w = row[f] as number;
        const code = Math.max(-largest, Math.min(largest, Math.round(w / scale)));
        error += (importance[f] as number) * (w - code * scale) ** 2;
      }
      if (error < least) [best, least] = [scale, error];
    }
    return best;
  });
}
