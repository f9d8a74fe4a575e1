import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { crashing } from "../../../../test/support/hostile-models.js";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { distance, noise, photograph } from "../../../../test/support/photographs.js";
import { Random } from "../../../../test/support/random.js";
import { DatasetError, DeviceError, InterruptedError, NetworkError, UsageError } from "../../../core/src/errors.js";
import { int, type Value } from "../../../core/src/graph/index.js";
import { type Image, imageOf } from "../../../core/src/images/image.js";
import { single } from "../../../core/src/operators/apply.js";
import {
  add,
  conv,
  DepthToSpace,
  GlobalMaxPool,
  globalAveragePool,
  mul,
  pixelShuffle,
  SpaceToDepth,
  sqrt,
} from "../../../core/src/operators/index.js";
import { type Dataset, openDataset } from "../../src/datasets/dataset.js";
import { type Contender, contender, onnxContender } from "../../src/evaluation/contender.js";
import { type EvaluateOptions, type EvaluationRow, evaluate } from "../../src/evaluation/evaluate.js";
import { readImage } from "../../src/images/decode.js";
import { listing, photographs, place, temporaryFolder } from "../datasets/folders.js";

const nearestModel = (name = "nearest.onnx"): Contender => onnxContender(name, imageModel(nearest));

const openSet = async (path: string, scale = 2): Promise<Dataset> =>
  openDataset(path, { scale, cacheDirectory: await temporaryFolder() });

async function rowsOf(models: Contender[], set: Dataset, options: EvaluateOptions = {}): Promise<EvaluationRow[]> {
  return evaluate(models, [set], { threads: 1, ...options });
}

/** Y of BT.601 in studio swing, written out anew. */
const brightness = ({ data, channels }: Image, pixel: number): number => {
  const [r, g, b] = [0, 1, 2].map((c) => data[pixel * channels + (channels < 3 ? 0 : c)] as number) as [
    number,
    number,
    number,
  ];
  return 16 + 0.256788 * r + 0.504129 * g + 0.097906 * b;
};

/** PSNR of each LR pixel taken four times, within the border. */
function nearestPsnr(lr: Image, hr: Image, border: number): number {
  const [width, height] = [2 * lr.width, 2 * lr.height];
  let sum = 0;
  for (let y = border; y < height - border; y++) {
    for (let x = border; x < width - border; x++) {
      sum += (brightness(lr, (y >> 1) * lr.width + (x >> 1)) - brightness(hr, y * width + x)) ** 2;
    }
  }
  return 10 * Math.log10(255 ** 2 / (sum / ((width - 2 * border) * (height - 2 * border))));
}

describe("evaluation", () => {
  it("yields the mean of each image's figures, for a network whose output is known", async () => {
    const set = await openSet(await photographs());
    const [bicubic, row] = (await rowsOf([nearestModel()], set)) as [EvaluationRow, EvaluationRow];
    const expected = await Promise.all(set.pairs.map(async (pair) => nearestPsnr(await pair.lr(), await pair.hr(), 2)));
    expect(row.images.map(({ image }) => image)).toEqual(["a", "b", "nested/c"]);
    row.images.forEach(({ psnr }, i) => {
      expect(psnr).toBeCloseTo(expected[i] as number, 4);
    });
    expect(row.psnr).toBeCloseTo(expected.reduce((a, b) => a + b) / 3, 4);
    expect(row).toMatchObject({ model: "nearest.onnx", width: 1, scale: 2, parameters: 36, macs: 36 * 640 * 360 });
    expect(row.ssim).toBeGreaterThan(0.7);
    expect(row.msPerImage).toBeGreaterThan(0);
    expect(bicubic).toMatchObject({ model: "bicubic", width: null, parameters: null, macs: null, msPerImage: null });
    expect(bicubic.psnr).toBeGreaterThan(row.psnr + 0.5);
  });

  it("takes borders, RGB and NIQE as asked", async () => {
    const set = await openSet(await photographs());
    const row = async (options: EvaluateOptions) =>
      (await rowsOf([nearestModel()], set, { bicubic: false, ...options }))[0] as EvaluationRow;
    const pair = set.pairs[0] as Dataset["pairs"][number];
    expect((await row({ border: 8 })).images[0]?.psnr).toBeCloseTo(nearestPsnr(await pair.lr(), await pair.hr(), 8), 4);
    expect((await row({ colour: "rgb" })).psnr).toBeLessThan((await row({})).psnr);
    const measured = await row({ niqe: true, border: 0 });
    // The first image has no two blocks of 96×96 pixels.
    expect(measured.images.map(({ niqe }) => typeof niqe)).toEqual(["object", "number", "number"]);
    const [, b, c] = measured.images.map(({ niqe }) => niqe as number) as [number, number, number];
    expect(measured.niqe).toBeCloseTo((b + c) / 2, 10);
  });

  it("is the same in tiles", async () => {
    const set = await openSet(await photographs());
    const network = edsr(2, { blocks: 3 });
    const model = contender("edsr", 1, modelOf(network));
    const [whole] = await rowsOf([model], set, { bicubic: false });
    const [tiled] = await rowsOf([model], set, { bicubic: false, memory: 50 ** 2 * (model.cost?.bytesPerPixel ?? 0) });
    expect(tiled?.deviations).toEqual({});
    whole?.images.forEach(({ psnr, ssim }, i) => {
      expect(tiled?.images[i]?.psnr).toBeCloseTo(psnr, 3);
      expect(tiled?.images[i]?.ssim).toBeCloseTo(ssim, 5);
    });
  });

  it("says where tiles or a fixed size change the output", async () => {
    const set = await openSet(await photographs());
    for (const [pool, deviations] of [
      [globalAveragePool, {}],
      [(x: Value) => single(GlobalMaxPool, [x]), { tiled: 2 }],
    ] as const) {
      const gated = (x: Value) => nearest(mul(x, mul(pool(x), 0.005)));
      const global = onnxContender("global.onnx", imageModel(gated));
      expect(global.cost?.radius).toBeUndefined();
      const [whole] = await rowsOf([global], set, { bicubic: false });
      expect(whole?.deviations).toEqual({});
      const [tiled] = await rowsOf([global], set, {
        bicubic: false,
        memory: 96 * 80 * (global.cost?.bytesPerPixel ?? 0),
      });
      expect(tiled?.deviations).toEqual(deviations);
      const differences = whole?.images.map(({ psnr }, i) => Math.abs(psnr - (tiled?.images[i]?.psnr ?? 0))) ?? [];
      if (pool === globalAveragePool) expect(Math.max(...differences)).toBeLessThan(0.01);
    }
    const fixed = onnxContender("fixed.onnx", imageModel(nearest, { fixed: [48, 64] }));
    const [first, second] = (await rowsOf([fixed, nearestModel()], set, { bicubic: false })) as [
      EvaluationRow,
      EvaluationRow,
    ];
    // Only the first image, 50×37, is smaller; copies of pixels don't mind.
    expect(first.deviations).toEqual({ padded: 1 });
    expect(first.images.map(({ psnr }) => psnr)).toEqual(second.images.map(({ psnr }) => psnr));
  });

  it("continues images at their border up to a size that the model takes, and cuts what was made of it off", async () => {
    const set = await openSet(await photographs());
    const blocks = { blocksize: int(8) };
    const fold = (x: Value) => nearest(single(DepthToSpace, [single(SpaceToDepth, [x], blocks)], blocks));
    const folded = onnxContender("folded.onnx", imageModel(fold));
    expect(folded.size).toEqual({ minimum: 8, multipleOf: 8 });
    const [first, second] = (await rowsOf([folded, nearestModel()], set, { bicubic: false })) as [
      EvaluationRow,
      EvaluationRow,
    ];
    // 50×37, and 96×80.
    expect(first.deviations).toEqual({ padded: 1 });
    expect(first.images.map(({ psnr }) => psnr)).toEqual(second.images.map(({ psnr }) => psnr));
    const tiled = await rowsOf([folded], set, { bicubic: false, memory: 72 * 60 * (folded.cost?.bytesPerPixel ?? 0) });
    expect(tiled[0]?.images.map(({ psnr }) => psnr)).toEqual(second.images.map(({ psnr }) => psnr));
  });

  it("takes models of unknown cost for large ones, and tiles", async () => {
    const set = await openSet(await photographs());
    const unknown = ["a.onnx", "b.onnx"].map((name) => ({ ...nearestModel(name), cost: null }));
    const rows = await rowsOf(unknown, set, { bicubic: false });
    expect(rows.map(({ deviations }) => deviations)).toEqual([{}, {}]);
    // Sixteen KiB for each pixel of ×2.
    const tiled = await rowsOf(unknown, set, { bicubic: false, memory: 2 * 96 * 80 * 2 ** 14 });
    expect(tiled.map(({ deviations }) => deviations)).toEqual([{ tiled: 2 }, { tiled: 2 }]);
    expect(tiled[1]?.psnr).toBeCloseTo(rows[1]?.psnr ?? 0, 6);
  });

  it("runs models whose images go from 0 to 1", async () => {
    const set = await openSet(await photographs());
    // x + x² / 4 isn't the same in another range.
    const bent = (top: number) => (x: Value) => nearest(add(x, mul(mul(x, x), 1 / (4 * top))));
    const models = [1, 255].map((range) =>
      onnxContender(`${range}.onnx`, imageModel(bent(range)), { range: range as 1 | 255 }),
    );
    const [one, full] = (await rowsOf(models, set, { bicubic: false })) as [EvaluationRow, EvaluationRow];
    expect(one.psnr).toBeCloseTo(full.psnr, 6);
    expect(full.psnr).toBeLessThan(24);
  });

  it("averages the eight directions of a self-ensemble", async () => {
    const set = await openSet(await photographs());
    // Each output pixel is its left neighbour of the LR image: turned by turns, the shifts blur.
    const shifted = (x: Value): Value => {
      const left = Float32Array.from({ length: 27 }, (_, i) =>
        Math.floor(i / 9) === Math.floor(i / 3) % 3 && i % 3 === 0 ? 1 : 0,
      );
      return nearest(conv(x, x.graph.constant(left, [3, 3, 1, 3]), undefined, { pads: [0, 1, 0, 1] }));
    };
    const model = onnxContender("shifted.onnx", imageModel(shifted));
    const [plain] = await rowsOf([model], set, { bicubic: false });
    const [ensemble] = await rowsOf([model], set, { bicubic: false, selfEnsemble: true });
    expect(ensemble?.psnr).toBeGreaterThan((plain?.psnr ?? 0) + 2);
  });

  it("handles grey, alpha, 16 bits and sizes that the scale doesn't divide", async () => {
    const folder = await temporaryFolder();
    const [colour, grey] = [await photograph("19"), noise(61, 47, 1, 8)];
    await place(folder, {
      "grey.png": grey,
      "alpha.png": noise(51, 40, 4, 8),
      "deep.png": noise(40, 53, 3, 16),
      "flat.png": imageOf(40, 40, 3, new Uint8Array(4800).fill(77)),
      "photo.png": colour,
    });
    for (const scale of [2, 3]) {
      const network = edsr(scale as 2 | 3);
      const model = contender("edsr", 1, modelOf(network));
      const rows = await rowsOf([model], await openSet(folder, scale), { niqe: true });
      for (const { images } of rows) {
        for (const { psnr, ssim, niqe } of images) {
          expect(psnr).not.toBeNaN();
          expect(ssim).not.toBeNaN();
          expect(niqe).not.toBeNaN();
        }
      }
      // A flat image is what bicubic makes of it.
      expect(rows[0]?.images.find(({ image }) => image === "flat")?.psnr).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it("writes the images", async () => {
    const [folder, out] = [await temporaryFolder(), await temporaryFolder()];
    await mkdir(join(folder, "set"));
    await place(join(folder, "set"), { "b/grey.png": noise(40, 30, 1, 8), "a.png": await photograph("05") });
    const set = await openSet(join(folder, "set"));
    await rowsOf([nearestModel(), { ...nearestModel("student.onnx"), width: 0.5 }], set, { save: out });
    expect(await listing(out)).toEqual(
      ["bicubic", "nearest.onnx", "student.onnx-w0.5"].flatMap((model) => [
        `set/${model}/a.png`,
        `set/${model}/b/grey.png`,
      ]),
    );
    const [saved, lr] = [await readImage(join(out, "set/nearest.onnx/a.png")), await set.pairs[0]?.lr()];
    expect(saved).toMatchObject({ width: 100, height: 74, channels: 3 });
    expect(saved.data[(11 * 100 + 7) * 3 + 2]).toBe(lr?.data[(5 * 50 + 3) * 3 + 2]);
    expect(distance(saved, await readImage(join(out, "set/student.onnx-w0.5/a.png")))).toBe(0);
    await expect(rowsOf([], set, { save: join(folder, "set", "a.png") })).rejects.toThrow("cannot be made");
  });

  it("refuses two sets of one name, whose figures would be taken for one another's", async () => {
    const set = await openSet(await photographs());
    await expect(evaluate([nearestModel()], [set, set], { threads: 1 })).rejects.toThrow(UsageError);
    const rows = await evaluate([nearestModel()], [set, { ...set, name: "other" }], { threads: 1, bicubic: false });
    expect(rows.map(({ set: name }) => name)).toEqual([set.name, "other"]);
  });

  it("explains what it cannot measure", async () => {
    const set = await openSet(await photographs());
    const network = edsr(3);
    const triple = contender("triple", 1, modelOf(network));
    await expect(rowsOf([triple], set)).rejects.toThrow(UsageError);
    await expect(rowsOf([triple], set)).rejects.toThrow("triple magnifies ×3");
    const broken = onnxContender(
      "nan.onnx",
      imageModel((x) => sqrt(add(nearest(x), -128))),
    );
    await expect(rowsOf([broken], set)).rejects.toThrow(NetworkError);
    await expect(rowsOf([broken], set)).rejects.toThrow("nan.onnx yields values that are no numbers");
    await expect(rowsOf([nearestModel()], set, { border: 40 })).rejects.toThrow(DatasetError);
    await expect(rowsOf([nearestModel()], set, { border: 40 })).rejects.toThrow(/: a: .*border of 40/);
    const same = { ...nearestModel("same.onnx"), scale: 3 };
    await expect(rowsOf([same], await openSet(await photographs(), 3))).rejects.toThrow(
      /same.onnx yields float32 \[1, 3, 48, 48\]/,
    );
    const aborted = rowsOf([nearestModel()], set, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow(InterruptedError);
  });

  it.runIf(process.arch === "x64")("names the model that crashes the engine, and is there for the next", async () => {
    const set = await openSet(await photographs());
    const bad = onnxContender("bad.onnx", crashing(), { scale: 2 });
    await expect(rowsOf([nearestModel(), bad], set)).rejects.toThrow(DeviceError);
    await expect(rowsOf([nearestModel(), bad], set)).rejects.toThrow("bad.onnx: the engine crashed (SIGFPE)");
    expect(await rowsOf([nearestModel()], set)).toHaveLength(2);
  });

  it("tells how far it is", async () => {
    const seen: string[] = [];
    const folder = await temporaryFolder();
    await copyFile(join(await photographs(), "a.png"), join(folder, "a.png"));
    const set = await openSet(folder);
    await evaluate([nearestModel()], [set, { ...set, name: "other" }], {
      onProgress: (done, total) => seen.push(`${done}/${total}`),
    });
    expect(seen).toEqual(["0/4", "1/4", "2/4", "3/4", "4/4"]);
  });
});

describe("a random network", () => {
  it("goes through every part with the tiles' seams where they must not be seen", async () => {
    // One strong wide convolution: a seam would be seen at once.
    const random = new Random(9);
    const wide = (x: Value) => {
      const weights = x.graph.constant(random.floats(12 * 3 * 81), [12, 3, 9, 9]);
      return pixelShuffle(conv(x, weights, undefined, { pads: [4, 4, 4, 4] }), 2);
    };
    const model = onnxContender("wide.onnx", imageModel(wide));
    expect(model.cost?.radius).toBe(4);
    const set = await openSet(await photographs());
    const out = await temporaryFolder();
    await rowsOf([model], set, { bicubic: false, save: join(out, "whole") });
    await rowsOf([model], set, {
      bicubic: false,
      save: join(out, "tiled"),
      memory: 24 ** 2 * (model.cost?.bytesPerPixel ?? 0),
    });
    for (const { name } of set.pairs) {
      const [a, b] = await Promise.all(
        ["whole", "tiled"].map((way) => readImage(join(out, way, set.name, "wide.onnx", `${name}.png`))),
      );
      expect(distance(a as Image, b as Image)).toBeLessThanOrEqual(1);
    }
  });
});
