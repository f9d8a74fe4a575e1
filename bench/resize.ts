/**
 * Throughput of MATLAB-compatible bicubic shrinking on one core, in megapixels of HR per second.
 * Run: npx tsx bench/resize.ts
 */
import { resizeBicubic } from "../src/images/bicubic.js";
import { imageOf } from "../src/images/image.js";

const [width, height, repeats] = [2040, 1356, 15];
const image = imageOf(
  width,
  height,
  3,
  new Uint8Array(width * height * 3).map((_, i) => Math.imul(i, 2654435761) >>> 24),
);

for (const scale of [2, 3, 4]) {
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now();
    resizeBicubic(image, 1 / scale);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const median = times[Math.floor(repeats / 2)] as number;
  const rate = (width * height) / 1000 / median;
  console.log(
    `${width}×${height} ×${scale}: ${median.toFixed(1)} ms (median of ${repeats}), ${rate.toFixed(0)} Mpixel/s`,
  );
}
