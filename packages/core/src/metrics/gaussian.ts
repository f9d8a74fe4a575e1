/** A normalised Gaussian of `size` taps, centred. */
export function gaussian(size: number, sigma: number): Float64Array {
  const taps = Float64Array.from({ length: size }, (_, i) => Math.exp(-(((i - (size - 1) / 2) / sigma) ** 2) / 2));
  const sum = taps.reduce((a, b) => a + b);
  return taps.map((tap) => tap / sum);
}

/**
 * Filters a plane by the kernel along both axes, where it lies wholly within.
 * @param plane height · width values
 * @param kernel symmetric, of an odd number of taps up to 11
 * @returns (height − taps + 1) · (width − taps + 1) values
 */
export function filterValid(plane: Float64Array, width: number, height: number, kernel: Float64Array): Float64Array {
  const [outWidth, outHeight] = [width - kernel.length + 1, height - kernel.length + 1];
  const result = new Float64Array(outWidth * outHeight);
  const line = new Float64Array(width);
  for (let y = 0; y < outHeight; y++) {
    weigh(plane, y * width, width, kernel, line);
    weigh(line, 0, 1, kernel, result.subarray(y * outWidth, (y + 1) * outWidth));
  }
  return result;
}

/** target[x] = Σ_k kernel[k] · source[start + k · step + x]; taps at equal distances of the centre are added first. */
function weigh(source: Float64Array, start: number, step: number, kernel: Float64Array, target: Float64Array): void {
  const half = (kernel.length - 1) / 2;
  const weight = (distance: number): number => kernel[half + distance] ?? 0;
  const [w0, w1, w2, w3, w4, w5] = [weight(0), weight(1), weight(2), weight(3), weight(4), weight(5)];
  const away = (distance: number): number => Math.min(distance, half) * step;
  const [d1, d2, d3, d4, d5] = [away(1), away(2), away(3), away(4), away(5)];
  const centre = start + half * step;
  for (let x = 0; x < target.length; x++) {
    const at = centre + x;
    target[x] =
      w0 * (source[at] as number) +
      w1 * ((source[at - d1] as number) + (source[at + d1] as number)) +
      w2 * ((source[at - d2] as number) + (source[at + d2] as number)) +
      w3 * ((source[at - d3] as number) + (source[at + d3] as number)) +
      w4 * ((source[at - d4] as number) + (source[at + d4] as number)) +
      w5 * ((source[at - d5] as number) + (source[at + d5] as number));
  }
}
