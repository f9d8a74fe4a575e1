import type { Node, Value } from "@slimsr/core/internal/graph/index.js";
import type { ActivationScale } from "@slimsr/core/internal/quantisation/integers.js";
import type { FloatConvolution } from "@slimsr/core/internal/quantisation/qdq.js";

/** Channels whose integers are read at another scale than they were made: c's numbers x stand there as factors[c]·x + offsets[c]. */
export interface JoinedChannels {
  readonly factors: Float64Array;
  readonly offsets: Float64Array;
}

/** A part of what is joined: its own scale, and what its channels stand for if it was joined itself. */
export interface JoinedPart {
  readonly scale: ActivationScale;
  readonly channels: number;
  readonly joined?: JoinedChannels | undefined;
}

/**
 * What channels stand for whose integers are put side by side as they are, and read at one scale S and zero point z: (q − z)·S where the part has
 * x = (q − z′)·s, which is S/s·x + (z′ − z)·S. Nothing is rounded for it, however unlike the parts' ranges are.
 */
export function joinedChannels(parts: readonly JoinedPart[], { scale, zeroPoint }: ActivationScale): JoinedChannels {
  const each = parts.flatMap(({ scale: own, channels, joined }) => {
    const factor = scale / own.scale;
    const offset = (own.zeroPoint - zeroPoint) * scale;
    return Array.from({ length: channels }, (_, c) => ({
      factor: factor * (joined?.factors[c] ?? 1),
      offset: factor * (joined?.offsets[c] ?? 0) + offset,
    }));
  });
  return {
    factors: Float64Array.from(each, ({ factor }) => factor),
    offsets: Float64Array.from(each, ({ offset }) => offset),
  };
}

/** The numbers of a part as they are read at the scale of what it is joined to. @param data on the part's own scale */
export function asJoined(
  data: Float32Array,
  own: ActivationScale,
  { scale, zeroPoint }: ActivationScale,
): Float32Array {
  const [step, to] = [Math.fround(own.scale), Math.fround(scale)];
  return data.map((x) => (Math.round(x / step) + own.zeroPoint - zeroPoint) * to);
}

/**
 * A convolution of one position that makes of joined channels what it makes of the numbers that they stand for: w·x = w/f·(f·x + o) − w·o/f.
 * @param node whose weight is [O, C / group, 1, 1]
 */
export function readingJoined(
  { inputs: [, place] }: Node,
  { weight, bias }: FloatConvolution,
  { factors, offsets }: JoinedChannels,
): FloatConvolution {
  const [filters, channels] = (place as Value).shape as [number, number];
  const groups = factors.length / channels;
  const own = { weight: weight.slice(), bias: bias.slice() };
  for (let o = 0; o < filters; o++) {
    const first = Math.floor((o * groups) / filters) * channels;
    let lost = 0;
    for (let c = 0; c < channels; c++) {
      const w = (weight[o * channels + c] as number) / (factors[first + c] as number);
      own.weight[o * channels + c] = w;
      lost += w * (offsets[first + c] as number);
    }
    own.bias[o] = (bias[o] as number) - lost;
  }
  return own;
}
