import { describe, expect, it, onTestFinished, vi } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { DatasetError, UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { cropToMultiple, type Image, type Image8, imageOf } from "../../../core/src/images/image.js";
import { type Dataset, openDataset } from "../../src/datasets/dataset.js";
import { readDecoded } from "../../src/datasets/decoded-cache.js";
import { type Batch, PatchSampler, type SamplerOptions } from "../../src/datasets/patch-sampler.js";
import { drawPatch } from "../../src/datasets/patches.js";
import { smallerCopy } from "../../src/datasets/smaller-copies.js";
import { listing, photographs, place, temporaryFolder } from "./folders.js";

// Worker threads start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const digests = (pairs: Dataset["pairs"]) => pairs.map(({ decoded: { hr, lr } }) => [hr.digest, lr.digest]);

describe("smaller copies of a set's images", () => {
  it("are two of each, by factors in 0.5..0.7 and 0.7..0.95, LR made of them by bicubic", async () => {
    const options = { scale: 2, cacheDirectory: await temporaryFolder(), smallerCopies: true };
    const { pairs, copies } = await openDataset(await photographs(), options);
    expect([pairs.length, copies.length]).toEqual([3, 6]);
    const image = (await photograph("05")) as Image8;
    for (const [i, [least, most]] of [
      [0.5, 0.7],
      [0.7, 0.95],
    ].entries() as Iterable<[number, [number, number]]>) {
      const copy = copies[i] as Dataset["copies"][number];
      const truth = await readDecoded(copy.decoded.hr);
      expect(truth.width).toBeGreaterThanOrEqual(Math.ceil(101 * least));
      expect(truth.width).toBeLessThanOrEqual(Math.ceil(101 * most));
      expect(copy.name).toBe(`a, reduced to ${truth.width}×${truth.height}`);
      expect(truth).toEqual(smallerCopy(image, i));
      const whole = cropToMultiple(truth, 2);
      expect(await copy.hr()).toEqual(whole);
      expect(await copy.lr()).toEqual(resizeBicubic(whole, 1 / 2));
    }
    const factors = copies.map(({ decoded }, i) => decoded.hr.width / ([101, 192, 240][Math.floor(i / 2)] as number));
    expect(new Set(factors.map((factor) => factor.toFixed(2))).size).toBeGreaterThan(3);
  });

  it("are MATLAB's reductions of the image", async () => {
    const image = (await photograph("23")) as Image8;
    const copy = smallerCopy(image, 1);
    // Which factor it is isn't told: those that give the copy's size are tried.
    const factors = Array.from({ length: 41 }, (_, i) => (copy.width - 1 + i / 40) / image.width);
    const mean = (other: Image) =>
      copy.data.reduce((sum, value, i) => sum + Math.abs(value - (other.data[i] as number)), 0) / copy.data.length;
    const nearest = factors
      .map((factor) => resizeBicubic(image, factor))
      .filter(({ width, height }) => width === copy.width && height === copy.height)
      .map(mean);
    expect(Math.min(...nearest)).toBeLessThan(0.2);
  });

  it("are decoded once, beside what the cache has, and are the same wherever the images lie", async () => {
    const [folder, cacheDirectory] = [await photographs(), await temporaryFolder()];
    const progress: number[] = [];
    const options = { scale: 2, cacheDirectory, onProgress: (done: number) => progress.push(done) };
    const plain = await openDataset(folder, options);
    expect(plain.copies).toEqual([]);
    const before = await listing(cacheDirectory);
    const first = await openDataset(folder, { ...options, smallerCopies: true });
    expect(progress).toEqual([1, 2, 3, 1, 2, 3]);
    expect(digests(first.pairs)).toEqual(digests(plain.pairs));
    const after = await listing(cacheDirectory);
    expect(after).toHaveLength(before.length + 12);
    expect(after).toEqual(expect.arrayContaining(before));
    const second = await openDataset(folder, { ...options, smallerCopies: true });
    expect(progress).toHaveLength(6);
    expect(digests(second.copies)).toEqual(digests(first.copies));

    const cold = { ...options, cacheDirectory: await temporaryFolder(), smallerCopies: true };
    const elsewhere = await openDataset(await photographs(), cold);
    expect(progress).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(digests(elsewhere.copies)).toEqual(digests(first.copies));
  });

  it("are degraded as the images are, of grey too, at scale 1 with noise on reading", async () => {
    const options = { cacheDirectory: await temporaryFolder(), smallerCopies: true, grey: true };
    const { copies } = await openDataset(await photographs(), { ...options, scale: 1, degrade: "noise:25" });
    const copy = copies[2] as Dataset["copies"][number];
    expect(copy.decoded.lr).toEqual(copy.decoded.hr);
    expect(copy.decoded.hr.channels).toBe(1);
    const [clean, noisy] = [(await copy.hr()).data, (await copy.input()).data];
    const sigma = Math.sqrt(noisy.reduce((sum, v, i) => sum + (v - (clean[i] as number)) ** 2, 0) / noisy.length);
    expect(sigma).toBeGreaterThan(24);
    expect(sigma).toBeLessThan(26);
    const chained = await openDataset(await photographs(), { ...options, scale: 2, degrade: "bicubic+jpeg:10" });
    const plain = await openDataset(await photographs(), { ...options, scale: 2 });
    expect(chained.copies.map(({ decoded }) => decoded.hr.digest)).toEqual(
      plain.copies.map(({ decoded }) => decoded.hr.digest),
    );
    expect(chained.copies[0]?.decoded.lr.digest).not.toBe(plain.copies[0]?.decoded.lr.digest);
  });

  it("that are too small for an input are left out, the images aren't", async () => {
    const folder = await temporaryFolder();
    await place(folder, { "tiny.png": noise(4, 4, 3, 8), "large.png": noise(40, 40, 3, 8) });
    const options = { scale: 4, cacheDirectory: await temporaryFolder(), smallerCopies: true };
    for (let time = 0; time < 2; time++) {
      const { pairs, copies, skipped } = await openDataset(folder, options);
      expect([pairs.length, skipped]).toEqual([2, []]);
      expect(copies.filter(({ name }) => name.startsWith("large"))).toHaveLength(2);
      // By 0.7 and less 4 pixels become 3.
      expect(copies.filter(({ name }) => name.startsWith("tiny")).length).toBeLessThan(2);
    }
  });

  it("are refused of images whose inputs lie beside them, or in another folder", async () => {
    const folder = await temporaryFolder();
    await place(folder, { "HR/a.png": noise(40, 40, 3, 8), "LR_bicubic/X2/ax2.png": noise(20, 20, 3, 8) });
    const options = { scale: 2, cacheDirectory: await temporaryFolder(), smallerCopies: true };
    await expect(openDataset(folder, options)).rejects.toThrow(UsageError);
    await expect(openDataset(folder, options)).rejects.toThrow(/ax2\.png.*--degrade bicubic.*--scale-augmentation/);
    expect((await openDataset(folder, { ...options, degrade: "bicubic" })).copies).toHaveLength(2);
    const truth = await photographs();
    await expect(openDataset(truth, { ...options, scale: 1, input: truth })).rejects.toThrow(/--degrade noise:25/);
  });
});

describe("a sampler of smaller copies", () => {
  /** Images are black, and what stands for their copies is white. */
  async function blackAndWhite(): Promise<Dataset> {
    const [black, white] = [await temporaryFolder(), await temporaryFolder()];
    const flat = (side: number, value: number) => imageOf(side, side, 1, new Uint8Array(side * side).fill(value));
    await place(black, { "a.png": flat(40, 0), "b.png": flat(30, 0) });
    await place(white, { "a.png": flat(20, 255), "b.png": flat(30, 255), "small.png": flat(10, 255) });
    const options = { scale: 2, cacheDirectory: await temporaryFolder() };
    const { pairs } = await openDataset(white, options);
    return { ...(await openDataset(black, options)), copies: pairs };
  }

  const options = { side: 8, batch: 200, seed: 1, space: "grey", ahead: 0 } as const;

  async function batchOf(dataset: Dataset, more: Partial<SamplerOptions>): Promise<Batch> {
    const sampler = new PatchSampler(dataset, { ...options, ...more });
    onTestFinished(() => sampler.close());
    return sampler.batch(3);
  }

  it("draws their share of the patches from those that have room, the same each time", async () => {
    const dataset = await blackAndWhite();
    const shareOf = ({ hr }: Batch) => hr.reduce((sum, value) => sum + value, 0) / 255 / hr.length;
    const mixed = await batchOf(dataset, { scaleAugmentation: 0.6 });
    expect(shareOf(mixed)).toBeGreaterThan(0.5);
    expect(shareOf(mixed)).toBeLessThan(0.7);
    expect(mixed.lr.filter((_, i) => i % 64 === 0)).toEqual(mixed.hr.filter((_, i) => i % 256 === 0));
    expect(await batchOf(dataset, { scaleAugmentation: 0.6 })).toEqual(mixed);
    expect(shareOf(await batchOf(dataset, { scaleAugmentation: 1 }))).toBe(1);
    expect(shareOf(await batchOf(dataset, {}))).toBe(0);
  });

  it("draws what it drew where a set has copies that aren't used", async () => {
    const set = { scale: 2, cacheDirectory: await temporaryFolder() };
    const folder = await photographs();
    const without = await openDataset(folder, set);
    const having = await openDataset(folder, { ...set, smallerCopies: true });
    expect(await batchOf(having, {})).toEqual(await batchOf(without, {}));
    expect(await batchOf(having, { scaleAugmentation: 0.5 })).not.toEqual(await batchOf(without, {}));
  });

  it("refuses copies of which none has room", async () => {
    const dataset = await blackAndWhite();
    const copies = dataset.copies.filter(({ name }) => name === "small");
    const none = () => new PatchSampler({ ...dataset, copies }, { ...options, scaleAugmentation: 0.1 });
    expect(none).toThrow(DatasetError);
    expect(none).toThrow(/no smaller copy of an image has room for a patch of 8×8 .*--patch.*--scale-augmentation/);
  });
});

describe("drawing patches of copies", () => {
  const sizes = [
    { width: 40, height: 20 },
    { width: 30, height: 30 },
    { width: 20, height: 25 },
  ];
  const drawn = (copies?: { count: number; share: number }, candidate = 0) =>
    Array.from({ length: 6000 }, (_, i) => drawPatch(3, Math.floor(i / 16), i % 16, sizes, 20, candidate, copies));

  it.each([0, 1])("spreads evenly over the images and over the copies (candidate %i)", (candidate) => {
    const patches = drawn({ count: 2, share: 0.6 }, candidate);
    const share = (index: number) => patches.filter(({ pair }) => pair === index).length / patches.length;
    expect(Math.abs(share(0) - 0.4)).toBeLessThan(0.03);
    for (const copy of [1, 2]) expect(Math.abs(share(copy) - 0.3)).toBeLessThan(0.03);
    const last = patches.filter(({ pair }) => pair === 2);
    expect(new Set(last.map(({ y }) => y)).size).toBe(6);
    expect(last.filter(({ symmetry }) => symmetry.transposed).length / last.length).toBeCloseTo(1 / 2, 1);
  });

  it("draws of images alone what it always drew", () => {
    const places = [0, 1, 2, 3].map((sample) => {
      const { pair, x, y, symmetry } = drawPatch(3, 1, sample, sizes.slice(0, 2), 20);
      return [pair, x, y, ...Object.values(symmetry)];
    });
    expect(places).toEqual([
      [0, 14, 0, true, true, false],
      [1, 6, 4, false, false, true],
      [0, 16, 0, false, false, false],
      [1, 8, 1, true, false, false],
    ]);
    expect(drawn({ count: 0, share: 0 })).toEqual(drawn());
  });
});
