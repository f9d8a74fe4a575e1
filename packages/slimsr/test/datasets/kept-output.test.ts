import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { cacheUse, clearCache } from "../../src/datasets/cache-folder.js";
import { type Dataset, openDataset } from "../../src/datasets/dataset.js";
import { type DecodedImage, findDecoded } from "../../src/datasets/decoded-cache.js";
import { outputFile, readOutput, storeOutput } from "../../src/datasets/kept-output.js";
import { PatchSampler } from "../../src/datasets/patch-sampler.js";
import { photographs, temporaryFolder } from "./folders.js";

vi.setConfig({ testTimeout: 60_000 });

const planes = (width: number, height: number, channels: number, seed = 1) => ({
  width,
  height,
  data: new Random(seed).floats(channels * width * height, -40, 300),
});

describe("a kept output", () => {
  it.each([1, 3])("of %i channels is read in any rectangle, to 1/128 of a level", async (channels) => {
    const made = planes(70, 40, channels);
    const output = await storeOutput(join(await temporaryFolder(), "aa", "x.output"), made);
    expect(await findDecoded(output.file)).toEqual(output);
    for (const [x, y, width, height] of [
      [0, 0, 70, 40],
      [69, 39, 1, 1],
      [13, 7, 21, 30],
    ] as const) {
      const read = readOutput(output, x, y, width, height);
      expect(read.length).toBe(width * height * channels);
      for (const [i, value] of read.entries()) {
        const [pixel, channel] = [Math.floor(i / channels), i % channels];
        const at = (channel * 40 + y + Math.floor(pixel / width)) * 70 + x + (pixel % width);
        expect(Math.abs(value - (made.data[at] as number))).toBeLessThanOrEqual(1 / 128 + 1e-4);
      }
    }
  });

  it("clips what is no image's", async () => {
    const data = Float32Array.of(-1e6, -384, 639, 1e6);
    const output = await storeOutput(join(await temporaryFolder(), "x.output"), { width: 4, height: 1, data });
    expect([...readOutput(output, 0, 0, 4, 1)]).toEqual([-384, -384, 639, 639.984375]);
  });

  it("has a file for each network and image", () => {
    const image = { width: 4, height: 4, channels: 3, digest: "a" } as const;
    const files = [
      outputFile("cache", "one", image),
      outputFile("cache", "other", image),
      outputFile("cache", "one", { ...image, digest: "b" }),
    ];
    expect(new Set(files).size).toBe(3);
    expect(outputFile("cache", "one", image)).toBe(files[0]);
  });

  it("is counted and removed with the decoded images", async () => {
    const cache = await temporaryFolder();
    const file = outputFile(cache, "one", { width: 4, height: 4, channels: 3, digest: "a" });
    await storeOutput(file, planes(4, 4, 3));
    expect((await cacheUse(cache)).files).toBe(1);
    await clearCache(cache);
    expect(await findDecoded(file)).toBeUndefined();
  });
});

describe("a patch sampler with kept outputs", () => {
  /** Each output is its HR image, a quarter of a level brighter. */
  async function opened(): Promise<{ dataset: Dataset; outputs: Map<Dataset["pairs"][number], DecodedImage> }> {
    const cacheDirectory = await temporaryFolder();
    const dataset = await openDataset(await photographs(), { scale: 2, cacheDirectory });
    const outputs = new Map();
    for (const [i, pair] of dataset.pairs.entries()) {
      const { width, height, channels, data } = await pair.hr();
      const area = width * height;
      const shifted = new Float32Array(3 * area);
      for (let plane = 0; plane < 3; plane++) {
        for (let at = 0; at < area; at++) {
          shifted[plane * area + at] = (data[at * channels + (channels === 1 ? 0 : plane)] as number) + 0.25;
        }
      }
      outputs.set(pair, await storeOutput(join(cacheDirectory, `${i}.output`), { width, height, data: shifted }));
    }
    return { dataset, outputs };
  }

  it("takes them from the same place as the patches, turned alike", async () => {
    const { dataset, outputs } = await opened();
    const options = { side: 12, batch: 8, seed: 3 };
    const sampler = new PatchSampler(dataset, { ...options, outputs });
    const without = new PatchSampler(dataset, options);
    for (const each of [sampler, without]) onTestFinished(() => each.close());
    for (const index of [0, 1]) {
      const { lr, hr, output } = await sampler.batch(index);
      expect(output).toEqual(hr.map((value) => value + 0.25));
      expect(await without.batch(index)).toEqual({ lr, hr });
    }
  });

  it.each([
    ["cut short", (file: string) => truncate(file, 100)],
    ["overwritten", (file: string) => writeFile(file, Buffer.alloc(100_000))],
  ])("refuses a file that is %s", async (_, damage) => {
    const { dataset, outputs } = await opened();
    const sampler = new PatchSampler(dataset, { side: 12, batch: 2, seed: 3, outputs, ahead: 0 });
    onTestFinished(() => sampler.close());
    for (const { file } of outputs.values()) await damage(file);
    await expect(sampler.batch(0)).rejects.toThrow("run the command again");
  });
});
