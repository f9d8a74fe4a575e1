import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { UsageError } from "../../../core/src/errors.js";
import type { Value } from "../../../core/src/graph/index.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { lumaPlane } from "../../../core/src/images/colour.js";
import type { Image } from "../../../core/src/images/image.js";
import { psnr } from "../../../core/src/metrics/psnr.js";
import { conv, mul, pixelShuffle } from "../../../core/src/operators/index.js";
import { type DatasetOptions, openDataset } from "../../src/datasets/dataset.js";
import { onnxContender } from "../../src/evaluation/contender.js";
import { type EvaluationRow, evaluate } from "../../src/evaluation/evaluate.js";
import { renderEvaluation } from "../../src/evaluation/evaluation-table.js";
import { metricFor, showMetric } from "../../src/evaluation/metric.js";
import { readImage } from "../../src/images/decode.js";
import { photographs, temporaryFolder } from "../datasets/folders.js";

vi.setConfig({ testTimeout: 60_000 });

const open = async (options: DatasetOptions) =>
  openDataset(await photographs(), { cacheDirectory: await temporaryFolder(), ...options });

const half = (x: Value) => mul(x, 0.5);
const restoring = (build: (x: Value) => Value, channels = 3) =>
  onnxContender("restoring.onnx", imageModel(build, { channels }));

/** Each sample of the one channel four times. */
const lumaNearest = imageModel(
  (x) => pixelShuffle(conv(x, x.graph.constant(new Float32Array(4).fill(1), [4, 1, 1, 1])), 2),
  { channels: 1 },
);

describe("a network of luma", () => {
  it("gets Y, and the chroma is bicubic's", async () => {
    const set = await open({ scale: 2 });
    const save = await temporaryFolder();
    const [row] = (await evaluate([onnxContender("luma.onnx", lumaNearest)], [set], {
      ...{ threads: 1, bicubic: false, save },
    })) as [EvaluationRow];
    expect(showMetric(row.metric)).toBe("PSNR of Y, border 2");
    for (const [i, pair] of set.pairs.entries()) {
      const [lr, hr] = [await pair.lr(), await pair.hr()];
      const output = await readImage(join(save, set.name, "luma.onnx", `${pair.name}.png`));
      expect(row.images[i]?.psnr).toBeCloseTo(psnr(output, hr, { border: 2 }), 9);
      const [small, large] = [lumaPlane(lr), lumaPlane(output)];
      const worst = large.reduce((most, value, at) => {
        const [x, y] = [at % output.width, Math.floor(at / output.width)];
        const isInside = [0, 1, 2].every((c) => {
          const sample = output.data[at * 3 + c] as number;
          return sample > 0 && sample < 255;
        });
        const difference = Math.abs(value - (small[(y >> 1) * lr.width + (x >> 1)] as number));
        return isInside ? Math.max(most, difference) : most;
      }, 0);
      // Rounding of red, green and blue to whole numbers.
      expect(worst).toBeLessThan(0.5);
      const red = (image: Image, at: number) => (image.data[at * 3] as number) - (image.data[at * 3 + 1] as number);
      const bicubic = resizeBicubic(lr, 2);
      const centre = Math.floor(output.height / 2) * output.width + Math.floor(output.width / 2);
      expect(Math.abs(red(output, centre) - red(bicubic, centre))).toBeLessThanOrEqual(2);
    }
  });
});

describe("restoration", () => {
  it("is measured of the whole RGB image, beside the input", async () => {
    const set = await open({ scale: 1, degrade: "noise:25" });
    const rows = await evaluate([restoring((x) => mul(x, 1))], [set], { threads: 1 });
    expect(rows.map(({ model, scale }) => [model, scale])).toEqual([
      ["input", 1],
      ["restoring.onnx", 1],
    ]);
    const [input, same] = rows as [EvaluationRow, EvaluationRow];
    expect(showMetric(same.metric)).toBe("PSNR of RGB, border 0");
    // 20 · log₁₀(255 / 25) = 20.17, and a little more where noise is clipped.
    expect(input.psnr).toBeGreaterThan(20.1);
    expect(input.psnr).toBeLessThan(21.2);
    expect(same.psnr).toBe(input.psnr);
    const { pairs } = set;
    const expected = await Promise.all(
      pairs.map(async (pair) => psnr(await pair.lr(), await pair.hr(), { colour: "rgb" })),
    );
    expect(same.images.map((image) => image.psnr)).toEqual(expected);
    expect(renderEvaluation(rows, "csv")).toMatch(/^set,model,width,scale,"PSNR of RGB, border 0",SSIM/);
  });

  it("of grey images is measured of them, and noise reaches the network unclipped", async () => {
    const set = await open({ scale: 1, degrade: "noise:80", grey: true });
    const [input, halved] = (await evaluate([restoring(half, 1)], [set], { threads: 1 })) as [
      EvaluationRow,
      EvaluationRow,
    ];
    expect(showMetric(input.metric)).toBe("PSNR of grey, border 0");
    const [pair] = set.pairs;
    const [given, hr] = [await pair?.input(), await pair?.hr()];
    const errors = Array.from(given?.data ?? [], (value, i) => {
      const shown = Math.min(255, Math.max(0, Math.floor(value * 0.5 + 0.5)));
      return (shown - (hr?.data[i] as number)) ** 2;
    });
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    expect(halved.images[0]?.psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / mean), 5);
  });

  it("goes with sets of its kind alone", async () => {
    const [colour, grey] = [
      await open({ scale: 1, degrade: "noise:5" }),
      await open({ scale: 1, degrade: "noise:5", grey: true }),
    ];
    const refused = (model: Parameters<typeof evaluate>[0][number], set: typeof colour) =>
      expect(evaluate([model], [set], { threads: 1 })).rejects;
    await refused(restoring(half, 1), colour).toThrow(UsageError);
    await refused(restoring(half, 1), colour).toThrow(/takes grey images, but the set .* opened for colour ones/);
    await refused(restoring(half), grey).toThrow(/takes colour images, but the set .* opened for grey ones/);
  });
});

describe("what PSNR is of", () => {
  it("is the field's, unless asked otherwise", () => {
    const of = (name: string, scale: number, grey = false, asked = {}) =>
      showMetric(metricFor({ name, scale, grey }, asked));
    expect(of("Set5", 2)).toBe("PSNR of Y, border 2");
    expect(of("Set12", 1, true)).toBe("PSNR of grey, border 0");
    expect(of("CBSD68", 1)).toBe("PSNR of RGB, border 0");
    expect(of("Rain100L", 1)).toBe("PSNR of Y, border 0");
    expect(of("train", 1)).toBe("PSNR of RGB, border 0");
    expect(of("Set5", 2, false, { colour: "rgb", border: 8 })).toBe("PSNR of RGB, border 8");
  });
});
