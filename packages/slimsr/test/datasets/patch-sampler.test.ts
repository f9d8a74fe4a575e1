import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { DatasetError } from "../../../core/src/errors.js";
import { imageOf } from "../../../core/src/images/image.js";
import { type Dataset, openDataset } from "../../src/datasets/dataset.js";
import { type Batch, PatchSampler, type SamplerOptions } from "../../src/datasets/patch-sampler.js";
import { detailOf, drawPatch, writeTurned } from "../../src/datasets/patches.js";
import { photographs, place, temporaryFolder } from "./folders.js";

// Worker threads start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

async function photographSet(scale = 2): Promise<Dataset> {
  return openDataset(await photographs(), { scale, cacheDirectory: await temporaryFolder() });
}

function sampler(dataset: Dataset, options: SamplerOptions): PatchSampler {
  const made = new PatchSampler(dataset, options);
  onTestFinished(() => made.close());
  return made;
}

function digest({ lr, hr }: Batch): string {
  return createHash("sha256").update(lr).update(hr).digest("hex");
}

describe("a patch sampler", () => {
  it("gives the same batch for the same number and seed, in whatever order they are asked for", async () => {
    const dataset = await photographSet();
    const options = { side: 12, batch: 3, seed: 7 };
    const inOrder = sampler(dataset, options);
    const batches = [];
    for (let n = 0; n < 4; n++) batches.push(digest(await inOrder.batch(n)));
    expect(new Set(batches).size).toBe(4);

    const resumed = sampler(dataset, { ...options, ahead: 0 });
    for (const n of [2, 3, 0]) expect(digest(await resumed.batch(n))).toBe(batches[n]);
    expect(digest(await inOrder.batch(2))).toBe(batches[2]);
    expect(batches).not.toContain(digest(await sampler(dataset, { ...options, seed: 8 }).batch(0)));
  });

  it("gives NCHW planes in 0..255 that belong together: HR shrinks to LR", async () => {
    const [side, batch, scale] = [16, 4, 2];
    const { lr, hr } = await sampler(await photographSet(scale), { side, batch, seed: 1 }).batch(0);
    expect([lr.length, hr.length]).toEqual([batch * 3 * side ** 2, batch * 3 * (side * scale) ** 2]);
    expect(Math.min(...hr)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...hr)).toBeLessThanOrEqual(255);
    let sum = 0;
    for (let plane = 0; plane < batch * 3; plane++) {
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const at = plane * (side * 2) ** 2 + 2 * y * side * 2 + 2 * x;
          const mean = [0, 1, side * 2, side * 2 + 1].reduce((s, step) => s + (hr[at + step] as number) / 4, 0);
          sum += Math.abs(mean - (lr[(plane * side + y) * side + x] as number));
        }
      }
    }
    expect(sum / lr.length).toBeLessThan(4);
  });

  it("gives luma, and noise that is of the batch's number and the seed alone", async () => {
    const [side, batch] = [16, 2];
    const set = await photographSet();
    const rgb = await sampler(set, { side, batch, seed: 1 }).batch(0);
    const { lr, hr } = await sampler(set, { side, batch, seed: 1, space: "luma" }).batch(0);
    expect([lr.length, hr.length]).toEqual([batch * side ** 2, batch * (2 * side) ** 2]);
    const [red, green, blue] = [0, 1, 2].map((plane) => rgb.lr[plane * side ** 2 + 5] as number) as [
      number,
      number,
      number,
    ];
    expect(lr[5]).toBeCloseTo(16 + 0.256788 * red + 0.504129 * green + 0.097906 * blue, 3);

    const noisy = await openDataset(await photographs(), {
      ...{ scale: 1, degrade: "noise:25", grey: true },
      cacheDirectory: await temporaryFolder(),
    });
    const options = { side, batch, seed: 3, space: "grey" } as const;
    const [first, second] = [await sampler(noisy, options).batch(4), await sampler(noisy, options).batch(4)];
    expect(digest(second)).toBe(digest(first));
    const sigma = Math.sqrt(
      first.lr.reduce((sum, value, i) => sum + (value - (first.hr[i] as number)) ** 2, 0) / first.lr.length,
    );
    expect(sigma).toBeGreaterThan(22);
    expect(sigma).toBeLessThan(28);
    expect(digest(await sampler(noisy, { ...options, seed: 5 }).batch(4))).not.toBe(digest(first));
  });

  it("takes patches that are the whole image", async () => {
    const folder = await temporaryFolder();
    await place(folder, { "grey.png": noise(16, 16, 1, 8) });
    const dataset = await openDataset(folder, { scale: 4, cacheDirectory: await temporaryFolder() });
    const { hr } = await sampler(dataset, { side: 4, batch: 1, seed: 1 }).batch(0);
    expect([...hr.subarray(0, 256)].sort()).toEqual([...noise(16, 16, 1, 8).data].sort());
    expect(hr.subarray(256, 512)).toEqual(hr.subarray(0, 256));
  });

  it("takes the place of most detail of those that are drawn", async () => {
    const dataset = await photographSet();
    const options = { side: 12, batch: 6, seed: 4 };
    const [one, three] = await Promise.all(
      [1, 3].map((candidates) => sampler(dataset, { ...options, candidates }).batch(2)),
    );
    const pixels = 12 * 12 * 3;
    // Turning a patch doesn't change how much detail it has.
    const detail = ({ lr }: { lr: Float32Array }, sample: number) => {
      const planes = lr.subarray(sample * pixels, (sample + 1) * pixels);
      return detailOf(
        Uint8Array.from({ length: pixels }, (_, i) => planes[(i % 3) * 144 + Math.floor(i / 3)] as number),
        12,
        3,
      );
    };
    const gains = Array.from({ length: 6 }, (_, i) => detail(three as Batch, i) - detail(one as Batch, i));
    expect(Math.min(...gains)).toBeGreaterThanOrEqual(0);
    expect(gains.filter((gain) => gain > 0).length).toBeGreaterThanOrEqual(2);
  });

  it("names images smaller than a patch, or leaves them out", async () => {
    const dataset = await photographSet();
    const options = { side: 40, batch: 1, seed: 1 };
    expect(() => new PatchSampler(dataset, options)).toThrow(DatasetError);
    expect(() => new PatchSampler(dataset, options)).toThrow("a: its LR image of 50×37 pixels is smaller than a patch");
    const { skipped } = sampler(dataset, { ...options, skipBad: true });
    expect(skipped.map(({ file }) => file)).toEqual(["a"]);
    expect(() => new PatchSampler(dataset, { ...options, side: 500, skipBad: true })).toThrow(
      "no usable image is left",
    );
    expect(() => new PatchSampler(dataset, { ...options, side: 0 })).toThrow("whole number from 1, not 0");
  });

  it("says so when the cache was emptied meanwhile", async () => {
    const dataset = await photographSet();
    for (const { decoded } of dataset.pairs) await rm(decoded.hr.file);
    await expect(sampler(dataset, { side: 8, batch: 2, seed: 1 }).batch(0)).rejects.toThrow(DatasetError);
    await expect(sampler(dataset, { side: 8, batch: 2, seed: 1 }).batch(5)).rejects.toThrow("gone from the cache");
  });

  it("can be closed while it reads ahead", async () => {
    const made = new PatchSampler(await photographSet(), { side: 16, batch: 8, seed: 1, ahead: 8 });
    await made.batch(0);
    await made.close();
  });
});

describe("drawing patches", () => {
  const sizes = [
    { width: 40, height: 20 },
    { width: 30, height: 30 },
  ];

  it("spreads evenly over pairs, places and symmetries", () => {
    const count = 8000;
    const drawn = Array.from({ length: count }, (_, i) => drawPatch(3, Math.floor(i / 16), i % 16, sizes, 20));
    const share = (of: (patch: (typeof drawn)[number]) => boolean) => drawn.filter(of).length / count;
    expect(share(({ pair }) => pair === 0)).toBeCloseTo(1 / 2, 1);
    expect(share(({ symmetry }) => symmetry.transposed)).toBeCloseTo(1 / 2, 1);
    expect(share(({ symmetry }) => symmetry.flippedX && symmetry.flippedY)).toBeCloseTo(1 / 4, 1);
    const first = drawn.filter(({ pair }) => pair === 0);
    expect(new Set(first.map(({ x }) => x)).size).toBe(21);
    expect(new Set(first.map(({ y }) => y))).toEqual(new Set([0]));
    expect(Math.max(...drawn.filter(({ pair }) => pair === 1).map(({ y }) => y))).toBe(10);
  });
});

describe("turning patches", () => {
  const square = imageOf(2, 2, 3, Uint8Array.of(0, 10, 20, 1, 11, 21, 2, 12, 22, 3, 13, 23)).data as Uint8Array;
  it.each([
    [false, false, false, [0, 1, 2, 3]],
    [false, true, false, [1, 0, 3, 2]],
    [false, false, true, [2, 3, 0, 1]],
    [false, true, true, [3, 2, 1, 0]],
    [true, false, false, [0, 2, 1, 3]],
    [true, true, false, [2, 0, 3, 1]],
    [true, false, true, [1, 3, 0, 2]],
    [true, true, true, [3, 1, 2, 0]],
  ])("transposed %s, flipped along x %s, along y %s", (transposed, flippedX, flippedY, expected) => {
    const target = new Float32Array(13);
    writeTurned(square, 2, 3, { transposed, flippedX, flippedY }, "rgb", target, 1);
    expect([...target.subarray(1, 5)]).toEqual(expected);
    expect([...target.subarray(5, 9)]).toEqual(expected.map((v) => v + 10));
    expect([...target.subarray(9)]).toEqual(expected.map((v) => v + 20));
  });
});
