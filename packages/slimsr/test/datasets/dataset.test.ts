import { readdir, readFile, rename, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { DatasetError, InterruptedError, UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { cropToMultiple, to8Bit } from "../../../core/src/images/image.js";
import { withoutAlpha } from "../../../core/src/images/planes.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { findDecoded } from "../../src/datasets/decoded-cache.js";
import { prepareBenchmark } from "../../src/datasets/prepare.js";
import { parseRange } from "../../src/datasets/range.js";
import { listing, photographs, place, temporaryFolder } from "./folders.js";

// Worker threads start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

describe("a plain folder", () => {
  it("gives HR cropped to the scale and LR made by bicubic, sorted, from the cache the second time", async () => {
    const [folder, cacheDirectory] = [await photographs(), await temporaryFolder()];
    const progress: number[] = [];
    const onProgress = (done: number) => progress.push(done);
    const first = await openDataset(folder, { scale: 4, cacheDirectory, onProgress });
    expect(progress).toEqual([1, 2, 3]);
    expect(first.pairs.map(({ name }) => name)).toEqual(["a", "b", "nested/c"]);
    const hr = cropToMultiple(await photograph("05"), 4);
    expect(await first.pairs[0]?.hr()).toEqual(hr);
    expect(await first.pairs[0]?.lr()).toEqual(resizeBicubic(hr, 1 / 4));

    const stored = await listing(cacheDirectory);
    expect(stored).toHaveLength(6);
    const second = await openDataset(folder, { scale: 4, cacheDirectory, onProgress });
    expect(progress).toHaveLength(3);
    expect(await second.pairs[0]?.hr()).toEqual(hr);
    await openDataset(folder, { scale: 2, cacheDirectory });
    expect(await listing(cacheDirectory)).toHaveLength(9);
  });

  it("is called by its folder's name", async () => {
    const folder = await photographs();
    const options = { scale: 2, cacheDirectory: await temporaryFolder() };
    await rename(join(folder, "nested"), join(folder, "Mine"));
    expect((await openDataset(join(folder, "Mine", "."), options)).name).toBe("Mine");
  });

  it("gives 8-bit grey or RGB, whatever the files hold", async () => {
    const folder = await temporaryFolder();
    const [grey, wide] = [noise(8, 6, 1, 8), noise(8, 6, 4, 16)];
    await place(folder, { "grey.png": grey, "wide.png": wide });
    const { pairs } = await openDataset(folder, { scale: 2, cacheDirectory: await temporaryFolder() });
    expect(await pairs[0]?.hr()).toEqual(grey);
    expect(await pairs[1]?.hr()).toEqual(withoutAlpha(to8Bit(wide)));
  });

  it("of many images is decoded by several threads, which report damage", async () => {
    const folder = await temporaryFolder();
    const images = Array.from({ length: 12 }, (_, i) => noise(9, 7, 3, 8, i));
    await place(folder, Object.fromEntries(images.map((image, i) => [`${i}.bmp`, image])));
    await truncate(join(folder, "5.bmp"), 100);
    const options = { scale: 3, cacheDirectory: await temporaryFolder() };
    await expect(openDataset(folder, options)).rejects.toThrow(/5\.bmp: the bitmap is cut short/);
    const { pairs, skipped } = await openDataset(folder, { ...options, skipBad: true });
    expect(skipped.map(({ file }) => file)).toEqual(["5.bmp"]);
    for (const { name, lr } of pairs) {
      expect(await lr()).toEqual(resizeBicubic(cropToMultiple(images[Number(name)] ?? noise(1, 1, 1, 8), 3), 1 / 3));
    }
  });

  it("takes a range by the sorted order", async () => {
    const folder = await temporaryFolder();
    await place(folder, Object.fromEntries([1, 2, 10].map((n) => [`img${n}.png`, noise(4, 4, 3, 8, n)])));
    const options = { scale: 2, cacheDirectory: await temporaryFolder() };
    const { pairs } = await openDataset(folder, { ...options, range: parseRange("2-3") });
    expect(pairs.map(({ name }) => name)).toEqual(["img2", "img10"]);
    await expect(openDataset(folder, { ...options, range: parseRange("4-9") })).rejects.toThrow(
      "no image lies in the range 4-9; there are 3, from img1 to img10",
    );
  });
});

describe("the benchmarks' layout", () => {
  const benchmark = async () => {
    const out = await temporaryFolder();
    await prepareBenchmark(await photographs(), [2], out);
    return out;
  };

  it("gives LR as it is stored", async () => {
    const folder = await benchmark();
    const other = noise(50, 37, 3, 8);
    await place(folder, { "LR_bicubic/X2/ax2.png": other });
    const { pairs } = await openDataset(folder, { scale: 2, cacheDirectory: await temporaryFolder() });
    expect(pairs.map(({ name }) => name)).toEqual(["a", "b", "nested/c"]);
    expect(await pairs[0]?.lr()).toEqual(other);
    expect(await pairs[0]?.hr()).toMatchObject({ width: 100, height: 74 });
  });

  it("without LR for the scale says how to make it", async () => {
    const folder = await benchmark();
    const opened = openDataset(folder, { scale: 3, cacheDirectory: await temporaryFolder() });
    await expect(opened).rejects.toThrow(DatasetError);
    await expect(opened).rejects.toThrow(`slimsr prepare --hr ${join(folder, "HR")} --scale 3 --out ${folder}`);
  });

  it("names an HR image without LR, one of the wrong size, a damaged one; skipBad goes on without them", async () => {
    const folder = await benchmark();
    const options = { scale: 2, cacheDirectory: await temporaryFolder() };
    await rename(join(folder, "LR_bicubic/X2/ax2.png"), join(folder, "LR_bicubic/X2/zx2.png"));
    await expect(openDataset(folder, options)).rejects.toThrow(/a\.png: has no LR image; expected .*ax2\.png/);

    await place(folder, { "LR_bicubic/X2/ax2.png": noise(51, 37, 3, 8) });
    await expect(openDataset(folder, options)).rejects.toThrow(
      /ax2\.png: 51×37 pixels, but at ×2 .*101×75.* needs 50×37/,
    );

    await truncate(join(folder, "HR/b.png"), 20000);
    await expect(openDataset(folder, options)).rejects.toThrow(/b\.png: damaged/);

    const { pairs, skipped } = await openDataset(folder, { ...options, skipBad: true });
    expect(pairs.map(({ name }) => name)).toEqual(["nested/c"]);
    expect(skipped.map(({ file }) => file)).toEqual(["HR/a.png", "HR/b.png"]);

    await truncate(join(folder, "HR/nested/c.png"), 0);
    await expect(openDataset(folder, { ...options, skipBad: true })).rejects.toThrow("no usable image is left");
  });
});

describe("DIV2K's layout", () => {
  it("joins train and valid, and takes ranges by number", async () => {
    const folder = await temporaryFolder();
    const images = [1, 2, 800].map((n) => [`DIV2K_train_HR/${String(n).padStart(4, "0")}.png`, noise(8, 8, 3, 8, n)]);
    const reduced = [1, 2, 800].map((n) => [
      `DIV2K_train_LR_bicubic/X2/${String(n).padStart(4, "0")}x2.png`,
      noise(4, 4, 3, 8, n),
    ]);
    await place(folder, Object.fromEntries([...images, ...reduced]));
    await place(folder, {
      "DIV2K_valid_HR/0801.png": noise(8, 8, 3, 8, 801),
      "DIV2K_valid_LR_bicubic/X2/0801x2.png": noise(4, 4, 3, 8, 801),
    });
    const options = { scale: 2, cacheDirectory: await temporaryFolder() };
    const names = async (range?: string) => {
      const { pairs } = await openDataset(folder, { ...options, range: range ? parseRange(range) : undefined });
      return pairs.map(({ name }) => name);
    };
    expect(await names()).toEqual(["0001", "0002", "0800", "0801"]);
    expect(await names("2-800")).toEqual(["0002", "0800"]);
    expect(await names("801")).toEqual(["0801"]);
    await expect(openDataset(folder, { ...options, scale: 4 })).rejects.toThrow("DIV2K_train_LR_bicubic/X4");
  });
});

describe("any set", () => {
  it("refuses wrong paths, empty folders and scales that are none", async () => {
    const folder = await temporaryFolder();
    const cacheDirectory = await temporaryFolder();
    await expect(openDataset(join(folder, "no"), { scale: 2, cacheDirectory })).rejects.toThrow(
      "there is no such file",
    );
    await expect(openDataset(folder, { scale: 2, cacheDirectory })).rejects.toThrow("there is no image in this folder");
    await expect(openDataset(folder, { scale: 1.5, cacheDirectory })).rejects.toThrow("whole number from 1, not 1.5");
    await writeFile(join(folder, "file"), "");
    await expect(openDataset(join(folder, "file"), { scale: 2, cacheDirectory })).rejects.toThrow("not a folder");
  });

  it("decodes a changed image anew, and one whose decoded file is damaged", async () => {
    const [folder, cacheDirectory] = [await temporaryFolder(), await temporaryFolder()];
    const open = async () => (await openDataset(folder, { scale: 2, cacheDirectory })).pairs[0];
    const [before, after] = [noise(8, 8, 3, 8, 1), noise(8, 8, 3, 8, 2)];
    await place(folder, { "a.bmp": before });
    expect(await (await open())?.hr()).toEqual(before);

    await place(folder, { "a.bmp": after });
    await utimes(join(folder, "a.bmp"), new Date(), new Date(Date.now() + 5000));
    const pair = await open();
    expect(await pair?.hr()).toEqual(after);

    await truncate(pair?.decoded.hr.file ?? "", 50);
    expect(await findDecoded(pair?.decoded.hr.file ?? "")).toBeUndefined();
    expect(await (await open())?.hr()).toEqual(after);
  });

  it("can be opened twice at once", async () => {
    const [folder, cacheDirectory] = [await photographs(), await temporaryFolder()];
    const [one, two] = await Promise.all([
      openDataset(folder, { scale: 2, cacheDirectory }),
      openDataset(folder, { scale: 2, cacheDirectory }),
    ]);
    for (const [i, pair] of one.pairs.entries()) expect(await pair.lr()).toEqual(await two.pairs[i]?.lr());
    expect(await listing(cacheDirectory)).toHaveLength(6);
  });

  it("stops decoding when interrupted, keeps what is whole, and goes on from there", async () => {
    const [folder, cacheDirectory] = [await photographs(), await temporaryFolder()];
    const controller = new AbortController();
    controller.abort();
    const options = { scale: 2, cacheDirectory };
    await expect(openDataset(folder, { ...options, signal: controller.signal })).rejects.toThrow(InterruptedError);
    expect(await readdir(cacheDirectory)).toEqual([]);
    expect((await openDataset(folder, options)).pairs).toHaveLength(3);
  });

  it("says where decoded images could not be written", async () => {
    const [folder, cacheDirectory] = [await photographs(), await temporaryFolder()];
    await writeFile(join(cacheDirectory, "file"), "");
    const opened = openDataset(folder, { scale: 2, cacheDirectory: join(cacheDirectory, "file") });
    await expect(opened).rejects.toThrow("choose another folder for decoded images");
    expect(await readFile(join(cacheDirectory, "file"), "utf8")).toBe("");
  });
});

describe("a range", () => {
  it("is first-last or a single number", () => {
    expect(parseRange("1-800")).toEqual({ first: 1, last: 800 });
    expect(parseRange(" 801 ")).toEqual({ first: 801, last: 801 });
  });

  it.each(["", "0-3", "5-4", "1-", "a", "1-2-3", "1.5"])("is not %j", (text) => {
    expect(() => parseRange(text)).toThrow(UsageError);
  });
});
