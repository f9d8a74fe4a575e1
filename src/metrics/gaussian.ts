/** A normalised Gaussian of `size` taps, centred. */
export function gaussian(size: number, sigma: number): Float64Array {
  const taps = Float64Array.from({ length: size }, (_, i) => Math.exp(-(((i - (size - 1) / 2) / sigma) ** 2) / 2));
  const sum = taps.reduce((a, b) => a + b);
  return taps.map((tap) => tap / sum);
}

/**
 * Filters a plane by the kernel along both axes, where it lies wholly within.
 * @param plane height · width values
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

/** target[x] = Σ_k kernel[k] · source[start + k · step + x], added in the order of k, four taps in a pass. */
function weigh(source: Float64Array, start: number, step: number, kernel: Float64Array, target: Float64Array): void {
  target.fill(0);
  let k = 0;
  for (; k + 4 <= kernel.length; k += 4) {
    const [w0, w1] = [kernel[k] as number, kernel[k + 1] as number];
    const [w2, w3] = [kernel[k + 2] as number, kernel[k + 3] as number];
    const from = start + k * step;
    for (let x = 0; x < target.length; x++) {
      const at = from + x;
      target[x] =
        (target[x] as number) +
        w0 * (source[at] as number) +
        w1 * (source[at + step] as number) +
        w2 * (source[at + 2 * step] as number) +
        w3 * (source[at + 3 * step] as number);
    }
  }
  for (; k < kernel.length; k++) {
    const weight = kernel[k] as number;
    const from = start + k * step;
    for (let x = 0; x < target.length; x++) {
      target[x] = (target[x] as number) + weight * (source[from + x] as number);
    }
  }
}
