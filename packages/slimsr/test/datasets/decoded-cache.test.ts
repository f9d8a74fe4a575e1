import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { DatasetError } from "../../../core/src/errors.js";
import type { Image8 } from "../../../core/src/images/image.js";
import { cacheUse, clearCache, limitCache } from "../../src/datasets/cache-folder.js";
import { type Dataset, openDataset } from "../../src/datasets/dataset.js";
import { findDecoded, readRegion, storeDecoded } from "../../src/datasets/decoded-cache.js";
import { PatchSampler } from "../../src/datasets/patch-sampler.js";
import { listing, place, temporaryFolder } from "./folders.js";

vi.setConfig({ testTimeout: 60_000 });

const picture = noise(90, 60, 3, 8, 1);

async function opened(): Promise<{ folder: string; cache: string; open: () => Promise<Dataset> }> {
  const [folder, cacheDirectory] = [await temporaryFolder(), await temporaryFolder()];
  await place(folder, { "a.png": picture });
  const open = () => openDataset(folder, { scale: 2, cacheDirectory });
  return { folder, cache: cacheDirectory, open };
}

/** Ways in which a file of the cache is no longer what was stored. */
const damages: Record<string, (file: string) => Promise<void>> = {
  "cut short": (file) => truncate(file, 40),
  "cut short within the samples": async (file) => truncate(file, (await stat(file)).size - 1),
  zeroed: async (file) => writeFile(file, Buffer.alloc((await stat(file)).size)),
  "with a sample changed": async (file) => {
    const bytes = await readFile(file);
    // In the middle, which patches cannot miss.
    for (const at of [0.4, 0.5, 0.6])
      bytes.writeUInt8(255 - bytes.readUInt8(Math.floor(bytes.length * at)), Math.floor(bytes.length * at));
    await writeFile(file, bytes);
  },
};

describe("the decoded cache", () => {
  it("notices an image replaced by one of the same size and time", async () => {
    const { folder, open } = await opened();
    await place(folder, { "b.bmp": noise(8, 8, 3, 8, 2) });
    const time = (await stat(join(folder, "b.bmp"))).mtime;
    const before = await open();
    await place(folder, { "b.bmp": noise(8, 8, 3, 8, 3) });
    await utimes(join(folder, "b.bmp"), time, time);
    const after = await open();
    expect(await after.pairs[1]?.hr()).toEqual(noise(8, 8, 3, 8, 3));
    expect(after.pairs[1]?.decoded.hr.digest).not.toBe(before.pairs[1]?.decoded.hr.digest);
    expect(after.pairs[0]?.decoded).toEqual(before.pairs[0]?.decoded);
  });

  it("gives images a digest of what they hold, wherever they lie", async () => {
    const [one, other] = [await (await opened()).open(), await (await opened()).open()];
    expect(one.pairs[0]?.decoded.hr.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(one.pairs[0]?.decoded.hr.digest).toBe(other.pairs[0]?.decoded.hr.digest);
    expect(one.pairs[0]?.decoded.lr.digest).not.toBe(one.pairs[0]?.decoded.hr.digest);
    expect(one.pairs[0]?.decoded.hr.file).not.toBe(other.pairs[0]?.decoded.hr.file);
  });

  it.each(Object.keys(damages))("never gives out an image whose file is %s", async (name) => {
    const { open } = await opened();
    const [pair] = (await open()).pairs;
    const file = pair?.decoded.hr.file as string;
    await damages[name]?.(file);
    await expect(pair?.hr()).rejects.toThrow(DatasetError);
    const [again] = (await open()).pairs;
    expect(await again?.hr()).toEqual(picture);
  });

  it.each(Object.keys(damages))("never trains on an image whose file is %s", async (name) => {
    const { open } = await opened();
    const sampler = new PatchSampler(await open(), { side: 30, batch: 2, seed: 1, ahead: 0 });
    onTestFinished(() => sampler.close());
    await sampler.batch(0);
    const file = (await open()).pairs[0]?.decoded.hr.file as string;
    await damages[name]?.(file);
    const trained = sampler.batch(1);
    await expect(trained).rejects.toThrow(DatasetError);
    await expect(trained).rejects.toThrow(/\.raw: .*run the command again to decode it anew/);
    expect(await (await open()).pairs[0]?.hr()).toEqual(picture);
  });

  it("gives any rectangle, of grey and of colour", async () => {
    for (const channels of [1, 3] as const) {
      const image = noise(700, 40, channels, 8);
      const decoded = await storeDecoded(join(await temporaryFolder(), "image.raw"), image as Image8);
      expect(await findDecoded(decoded.file)).toEqual(decoded);
      for (const [x, y, width, height] of [
        [0, 0, 700, 40],
        [699, 39, 1, 1],
        [3, 5, 64, 30],
        [650, 0, 50, 40],
      ] as const) {
        const expected = Array.from({ length: height }, (_, row) => [
          ...image.data.subarray(((y + row) * 700 + x) * channels, ((y + row) * 700 + x + width) * channels),
        ]);
        expect([...readRegion(decoded, x, y, width, height)]).toEqual(expected.flat());
      }
    }
  });

  it.each([
    { x: 34, y: 30, width: 5, height: 5, reads: 8 * 36 + 2 * 4 },
    { x: 20, y: 33, width: 15, height: 2, reads: 40 * 4 + 2 * 4 },
  ])("reads the tiles of a rectangle alone, at $x, $y, and finds any byte of theirs that is damaged", async (part) => {
    const decoded = await storeDecoded(join(await temporaryFolder(), "image.raw"), noise(40, 36, 1, 8) as Image8);
    const read = () => readRegion(decoded, part.x, part.y, part.width, part.height);
    const [bytes, expected] = [readFileSync(decoded.file), read()];
    let found = 0;
    for (let at = 0; at < bytes.length; at++) {
      const value = bytes[at] as number;
      bytes[at] = value ^ 1;
      writeFileSync(decoded.file, bytes);
      bytes[at] = value;
      try {
        if (!Buffer.from(read()).equals(expected)) throw new Error(`a wrong sample by byte ${at}`);
      } catch (error) {
        expect(error).toBeInstanceOf(DatasetError);
        expect(existsSync(decoded.file)).toBe(false);
        found++;
      }
    }
    expect(found).toBe(part.reads);
  });

  it("calls an image by the digest that it always had, however its samples lie", async () => {
    const decoded = await storeDecoded(join(await temporaryFolder(), "image.raw"), noise(70, 40, 3, 8, 1) as Image8);
    expect(decoded.digest).toBe("bab426ea776a35de5efe5b322f51f7aab5fc1ffa9b5d6b03fa2568025fa5eb0d");
  });

  it("drops what wasn't used for longest beyond its limit, but nothing of the last days", async () => {
    const { folder, cache, open } = await opened();
    await place(folder, { "b.png": noise(90, 60, 3, 8, 2), "c.png": noise(90, 60, 3, 8, 3) });
    const { pairs } = await open();
    const old = (days: number) => new Date(Date.now() - days * 86_400_000);
    const [a, b] = pairs.map(({ decoded }) => decoded.hr.file) as [string, string];
    await utimes(a, old(20), old(20));
    await utimes(b, old(30), old(30));
    const left = join(cache, "aa", `.${"0".repeat(38)}.raw.1-0.tmp`);
    await place(cache, { "aa/x.png": picture });
    await writeFile(left, "");
    await utimes(left, old(2), old(2));
    const { files, bytes } = await cacheUse(cache);
    expect(files).toBe(7);
    await limitCache(cache, bytes - 1);
    expect(await findDecoded(b)).toBeUndefined();
    expect(await findDecoded(a)).toBeDefined();
    // Opening the file has marked it as used.
    await limitCache(cache, 0);
    expect((await cacheUse(cache)).files).toBe(5);
    expect(await clearCache(cache)).toMatchObject({ files: 5 });
    expect(await listing(cache)).toEqual(["aa/x.png"]);
  });

  it("leaves out of its measure what the system can't say the size of", async () => {
    const cache = await temporaryFolder();
    const name = `${"0".repeat(38)}.raw`;
    await mkdir(join(cache, "aa"));
    await symlink(name, join(cache, "aa", name));
    expect((await cacheUse(cache)).files).toBe(0);
    await limitCache(cache, 0);
    expect(await readdir(join(cache, "aa"))).toEqual([name]);
  });
});
