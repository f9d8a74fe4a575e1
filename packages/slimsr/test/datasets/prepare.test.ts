import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { noise, photograph, photographPath } from "../../../../test/support/photographs.js";
import { DatasetError, InterruptedError, UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { cropToMultiple } from "../../../core/src/images/image.js";
import { prepareBenchmark } from "../../src/datasets/prepare.js";
import { readImage } from "../../src/images/decode.js";
import { writeImage } from "../../src/images/encode.js";
import { listing, photographs, temporaryFolder } from "./folders.js";

// Worker threads start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

describe("preparing a benchmark", () => {
  it("writes HR as it was and LR of each scale, subfolders kept, and nothing else", async () => {
    const [hr, out] = [await photographs(), await temporaryFolder()];
    const progress: number[] = [];
    const { written, skipped } = await prepareBenchmark(hr, [2, 3], out, { onProgress: (done) => progress.push(done) });

    expect(written.map(({ name }) => name)).toEqual(["a", "b", "nested/c"]);
    expect(skipped).toEqual([]);
    expect(progress).toEqual([1, 2, 3]);
    expect(await listing(out)).toEqual(
      ["HR/a", "HR/b", "HR/nested/c", "X2/ax2", "X2/bx2", "X2/nested/cx2", "X3/ax3", "X3/bx3", "X3/nested/cx3"].map(
        (name) => `${name.startsWith("X") ? "LR_bicubic/" : ""}${name}.png`,
      ),
    );
    const image = await photograph("05");
    expect(await readImage(join(out, "HR/a.png"))).toEqual(image);
    for (const scale of [2, 3]) {
      const lr = await readImage(join(out, `LR_bicubic/X${scale}/ax${scale}.png`));
      expect(lr).toEqual(resizeBicubic(cropToMultiple(image, scale), 1 / scale));
      expect([lr.width, lr.height]).toEqual([Math.floor(101 / scale), Math.floor(75 / scale)]);
    }
  });

  it("keeps grey, 16 bits and alpha", async () => {
    const [hr, out] = [await temporaryFolder(), await temporaryFolder()];
    const grey = noise(8, 8, 1, 8);
    const wide = noise(8, 8, 4, 16);
    await writeImage(join(hr, "grey.bmp"), grey);
    await writeImage(join(hr, "wide.tiff"), wide);
    await prepareBenchmark(hr, [4], out);
    expect(await readImage(join(out, "HR/grey.png"))).toEqual(grey);
    expect(await readImage(join(out, "HR/wide.png"))).toEqual(wide);
    expect(await readImage(join(out, "LR_bicubic/X4/widex4.png"))).toEqual(resizeBicubic(wide, 1 / 4));
  });

  it("adds LR beside HR that lies where it belongs, without touching it", async () => {
    const out = await temporaryFolder();
    await mkdir(join(out, "HR"));
    await copyFile(photographPath("05"), join(out, "HR", "a.png"));
    const before = await readFile(join(out, "HR", "a.png"));
    await prepareBenchmark(join(out, "HR"), [2], out);
    expect(await listing(out)).toEqual(["HR/a.png", "LR_bicubic/X2/ax2.png"]);
    expect(await readFile(join(out, "HR", "a.png"))).toEqual(before);
  });

  it("names a damaged image, or skips it and goes on", async () => {
    const [hr, out] = [await photographs(), await temporaryFolder()];
    const whole = await readFile(join(hr, "b.png"));
    await writeFile(join(hr, "b.png"), whole.subarray(0, 5000));
    await expect(prepareBenchmark(hr, [2], out)).rejects.toThrow(DatasetError);
    await expect(prepareBenchmark(hr, [2], out)).rejects.toThrow(/b\.png: damaged or not supported PNG.*/);

    const { written, skipped } = await prepareBenchmark(hr, [2], out, { skipBad: true });
    expect(written.map(({ name }) => name)).toEqual(["a", "nested/c"]);
    expect(skipped).toMatchObject([{ file: "b.png", reason: expect.stringContaining("damaged") }]);
  });

  it("refuses images smaller than the scale, and folders in which nothing is left", async () => {
    const [hr, out] = [await temporaryFolder(), await temporaryFolder()];
    await writeImage(join(hr, "tiny.png"), noise(3, 3, 3, 8));
    await expect(prepareBenchmark(hr, [4], out)).rejects.toThrow("tiny.png: 3×3 pixels are too few to shrink by 4");
    await expect(prepareBenchmark(hr, [4], out, { skipBad: true })).rejects.toThrow("no usable image is left");
    await expect(prepareBenchmark(hr, [2], out, { maxPixels: 8 })).rejects.toThrow("more than the limit of 8");
  });

  it("refuses a folder without images, and to write where it reads", async () => {
    const folder = await temporaryFolder();
    await expect(prepareBenchmark(folder, [2], await temporaryFolder())).rejects.toThrow("there is no image");
    await expect(prepareBenchmark(folder, [2], join(folder, "out"))).rejects.toThrow(UsageError);
    await expect(prepareBenchmark(join(folder, "none"), [2], folder)).rejects.toThrow(
      "there is no such file or folder",
    );
  });

  it("says which folder cannot be made, from worker threads too", async () => {
    const [hr, out] = [await temporaryFolder(), await temporaryFolder()];
    await writeFile(join(out, "HR"), "");
    for (let i = 0; i < 6; i++) {
      await writeImage(join(hr, `${i}.png`), noise(8, 8, 3, 8));
      if (i === 0 || i === 5) {
        await expect(prepareBenchmark(hr, [2], out)).rejects.toThrow(`${join(out, "HR")}: cannot be made`);
      }
    }
  });

  it("refuses two images of one name", async () => {
    const folder = await temporaryFolder();
    await writeImage(join(folder, "a.png"), noise(4, 4, 3, 8));
    await writeImage(join(folder, "a.bmp"), noise(4, 4, 3, 8));
    await expect(prepareBenchmark(folder, [2], await temporaryFolder())).rejects.toThrow("a.bmp and");
  });

  it("stops between images when interrupted, and leaves only whole files", async () => {
    const [hr, out] = [await temporaryFolder(), await temporaryFolder()];
    for (let i = 0; i < 12; i++) await copyFile(photographPath("23"), join(hr, `${i}.png`));
    const controller = new AbortController();
    const interrupted = prepareBenchmark(hr, [2], out, {
      signal: controller.signal,
      onProgress: (done) => done === 2 && controller.abort(),
    });
    await expect(interrupted).rejects.toThrow(InterruptedError);
    const files = await listing(out);
    expect(files.length).toBeGreaterThanOrEqual(4);
    expect(files.length).toBeLessThan(24);
    for (const file of files) expect((await readImage(join(out, file))).channels).toBe(3);
  });
});
