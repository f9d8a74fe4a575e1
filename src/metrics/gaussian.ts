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
  const taps = kernel.length;
  const [outWidth, outHeight] = [width - taps + 1, height - taps + 1];
  const result = new Float64Array(outWidth * outHeight);
  const line = new Float64Array(width);
  for (let y = 0; y < outHeight; y++) {
    line.fill(0);
    for (let k = 0; k < taps; k++) {
      const weight = kernel[k] as number;
      const row = (y + k) * width;
      for (let x = 0; x < width; x++) line[x] = (line[x] as number) + weight * (plane[row + x] as number);
    }
    for (let x = 0; x < outWidth; x++) {
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += (kernel[k] as number) * (line[x + k] as number);
      result[y * outWidth + x] = sum;
    }
  }
  return result;
}
