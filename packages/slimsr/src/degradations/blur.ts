import { type Image8, imageOf } from "@slimsr/core/internal/images/image.js";

/** Filters an image by a Gaussian of the standard deviation, in pixels, out to 3σ; beyond the border its samples are repeated. */
export function blurred({ width, height, channels, data }: Image8, sigma: number): Image8 {
  const kernel = gaussian(sigma);
  const rows = along(data, { count: height, step: width * channels }, { count: width * channels, step: 1 }, kernel);
  const both = new Uint8Array(data.length);
  for (let channel = 0; channel < channels; channel++) {
    const line = { count: width, step: channels };
    const plane = along(rows.subarray(channel), line, { count: height, step: width * channels }, kernel);
    for (let at = 0; at < data.length - channel; at += channels) {
      both[at + channel] = Math.floor(Math.min(255, Math.max(0, plane[at] as number)) + 0.5);
    }
  }
  return imageOf(width, height, channels, both);
}

/** Samples that lie a step apart. */
interface Line {
  readonly count: number;
  readonly step: number;
}

/** Weights from the centre outwards: those at one distance are the same. Their sum, both sides counted, is 1. */
function gaussian(sigma: number): Float64Array {
  const taps = Float64Array.from({ length: Math.ceil(3 * sigma) + 1 }, (_, i) => Math.exp(-((i / sigma) ** 2) / 2));
  const sum = taps.reduce((total, tap, i) => total + (i === 0 ? tap : 2 * tap), 0);
  return taps.map((tap) => tap / sum);
}

/** Filters along one axis, for each place on the other. */
function along(source: Uint8Array | Float64Array, axis: Line, other: Line, kernel: Float64Array): Float64Array {
  const target = new Float64Array(source.length);
  const last = axis.count - 1;
  for (let i = 0; i < axis.count; i++) {
    for (let k = 0; k < kernel.length; k++) {
      const [before, behind] = [Math.max(0, i - k) * axis.step, Math.min(last, i + k) * axis.step];
      const weight = kernel[k] as number;
      for (let j = 0; j < other.count; j++) {
        const at = j * other.step;
        const pair = (source[before + at] as number) + (k === 0 ? 0 : (source[behind + at] as number));
        target[i * axis.step + at] = (target[i * axis.step + at] as number) + weight * pair;
      }
    }
  }
  return target;
}
