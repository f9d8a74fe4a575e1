/**
 * Bicubic interpolation's PSNR of Y by the conventions that tables in the literature follow, where `slimsr evaluate` gives the first:
 * the 8-bit RGB file of LR enlarged and grey images counted as RGB; the same with grey scored as it is, 0..255; and SRCNN's
 * code, which shrinks and enlarges Y (rounded, grey as it is) in floating point, the output rounded or not.
 * Arguments: --data FOLDER (may be repeated; by default three small photographs), --scale N (2).
 */
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { resizeBicubic, resizePlanesBicubic } from "../packages/core/src/images/bicubic.js";
import { lumaPlane } from "../packages/core/src/images/colour.js";
import type { Image } from "../packages/core/src/images/image.js";
import { psnr } from "../packages/core/src/metrics/psnr.js";
import { openDataset, type Pair } from "../packages/slimsr/src/datasets/dataset.js";
import { scriptArguments } from "../test/support/arguments.js";

const { values } = scriptArguments(import.meta.url, {
  options: {
    data: {
      type: "string",
      multiple: true,
      default: [fileURLToPath(new URL("../test/fixtures/images", import.meta.url))],
    },
    scale: { type: "string", default: "2" },
  },
});
const scale = Number(values.scale);

/** Y in 0..255, grey as it is. */
const brightness = (image: Image): Float64Array =>
  image.channels === 1 ? Float64Array.from(image.data) : lumaPlane(image);

function psnrOfPlanes(a: Float64Array, b: Float64Array, { width, height }: Image): number {
  let [sum, count] = [0, 0];
  for (let y = scale; y < height - scale; y++) {
    for (let x = scale; x < width - scale; x++, count++) {
      sum += ((a[y * width + x] as number) - (b[y * width + x] as number)) ** 2;
    }
  }
  return 10 * Math.log10(255 ** 2 / (sum / count));
}

async function byConvention(pair: Pair): Promise<Record<string, number>> {
  const [lr, hr] = await Promise.all([pair.lr(), pair.hr()]);
  const enlarged = resizeBicubic(lr, scale);
  const y = brightness(hr).map(Math.round);
  const shrunk = resizePlanesBicubic({ planes: 1, width: hr.width, height: hr.height, data: y }, 1 / scale);
  const { data } = resizePlanesBicubic(shrunk, scale);
  const rounded = data.map((value) => Math.min(255, Math.max(0, Math.round(value))));
  return {
    "as evaluate does": psnr(enlarged, hr, { border: scale }),
    "grey as it is": psnrOfPlanes(brightness(enlarged), brightness(hr), hr),
    "SRCNN's code": psnrOfPlanes(rounded, y, hr),
    "not rounded": psnrOfPlanes(data, y, hr),
  };
}

for (const path of values.data) {
  const { pairs } = await openDataset(path, { scale });
  const scores = await Promise.all(pairs.map(byConvention));
  const means = Object.keys(scores[0] ?? {}).map((name) => {
    const mean = scores.reduce((sum, score) => sum + (score[name] as number), 0) / scores.length;
    return `${name} ${mean.toFixed(3)}`;
  });
  console.log(`${basename(resolve(path))} ×${scale}: ${means.join(", ")}`);
}
