import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { DatasetError, UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import type { Image } from "../../../core/src/images/image.js";
import { calibrationPatches } from "../../src/calibration/patches.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { listHr } from "../../src/datasets/layouts.js";
import { setNames } from "../../src/datasets/names.js";
import { prepareBenchmark } from "../../src/datasets/prepare.js";
import { parseRange } from "../../src/datasets/range.js";
import { listing, place, temporaryFolder } from "./folders.js";

vi.setConfig({ testTimeout: 60_000 });

const WIDTH = 24;
const large = (seed: number): Image => noise(WIDTH, 18, 3, 8, seed);
/** LR that the bicubic reduction of `large` is not, so that it shows whose pixels a set has. */
const small = (seed: number, scale = 2): Image => noise(WIDTH / scale, 18 / scale, 3, 8, 100 * scale + seed);

async function setOf(images: Record<string, Image>): Promise<string> {
  const folder = join(await temporaryFolder(), "Set");
  await place(folder, images);
  return folder;
}

async function open(folder: string, scale = 2, range?: string) {
  return openDataset(folder, {
    scale,
    range: range === undefined ? undefined : parseRange(range),
    cacheDirectory: await temporaryFolder(),
  });
}

describe("layouts in which LR is stored", () => {
  it.each<[string, (picture: number) => string, (picture: number) => string]>([
    ["BasicSR's", (i) => `GTmod12/i${i}.png`, (i) => `LRbicx2/i${i}.png`],
    ["BasicSR's of another size", (i) => `GTmod4/i${i}.bmp`, (i) => `LRbicx2/i${i}.png`],
    ["the originals and LRbicx2", (i) => `original/i${i}.png`, (i) => `LRbicx2/i${i}.png`],
    ["hr and lr", (i) => `hr/i${i}.png`, (i) => `lr/i${i}.png`],
    ["GT and LR", (i) => `GT/i${i}.png`, (i) => `LR/i${i}.png`],
    ["HR and LR by scale", (i) => `HR/i${i}.png`, (i) => `LR/X2/i${i}.png`],
    ["HR and LR_x2", (i) => `HR/i${i}.png`, (i) => `LR_x2/i${i}x2.png`],
    ["Set_HR and Set_LR_x2", (i) => `Set_HR/i${i}.png`, (i) => `Set_LR_x2/i${i}.png`],
    ["the benchmarks', in small letters", (i) => `hr/i${i}.png`, (i) => `lr_bicubic/x2/i${i}x2.png`],
    ["RCAN's", (i) => `HR/Set/x2/i${i}_HR_x2.png`, (i) => `LR/LRBI/Set/x2/i${i}_LRBI_x2.png`],
    ["SelfExSR's", (i) => `image_SRF_2/i_${i}_SRF_2_HR.png`, (i) => `image_SRF_2/i_${i}_SRF_2_LR.png`],
    ["RealSR's names", (i) => `i${i}_HR.png`, (i) => `i${i}_LR2.png`],
    ["pairs in one folder", (i) => `i${i}_HR.png`, (i) => `i${i}_LR.png`],
    ["pieces", (i) => `DIV2K_train_HR_sub/000${i}_s001.png`, (i) => `DIV2K_train_LR_bicubic/X2_sub/000${i}_s001.png`],
    ["HR beside a folder of LR", (i) => `i${i}.png`, (i) => `lr/i${i}.png`],
  ])("%s", async (_, hr, lr) => {
    const images = [0, 1].flatMap((i): [string, Image][] => [
      [hr(i), large(i)],
      [lr(i), small(i)],
    ]);
    const folder = await setOf(Object.fromEntries(images));
    const { pairs, name, note } = await open(folder);
    expect(pairs).toHaveLength(2);
    for (const [i, pair] of pairs.entries()) {
      expect(await pair.hr()).toEqual(large(i));
      expect(await pair.lr()).toEqual(small(i));
    }
    expect(name).toBe("Set");
    expect(note).toBeUndefined();
    // What is calibrated on and prepared is HR alone.
    expect((await listHr(folder)).map(({ path }) => path)).toEqual([0, 1].map((i) => join(folder, hr(i))));
    const { data } = await calibrationPatches(folder, { scale: 2, count: 2, side: 9 });
    expect(data).toHaveLength(2 * 3 * 9 * 9);
  });

  it("of several scales gives that which is asked for, and says which there are", async () => {
    const folder = await setOf({
      "image_SRF_2/a_SRF_2_HR.png": large(2),
      "image_SRF_2/a_SRF_2_LR.png": small(2),
      "image_SRF_2/a_SRF_2_bicubic.png": noise(WIDTH, 18, 3, 8, 9),
      "image_SRF_3/a_SRF_3_HR.png": large(3),
      "image_SRF_3/a_SRF_3_LR.png": small(3, 3),
      "image_SRF_3/a_SRF_3_SRCNN.png": noise(WIDTH, 18, 3, 8, 10),
    });
    for (const scale of [2, 3]) {
      const { pairs } = await open(folder, scale);
      expect(pairs.map(({ name }) => name)).toEqual(["a"]);
      expect(await pairs[0]?.hr()).toEqual(large(scale));
      expect(await pairs[0]?.lr()).toEqual(small(scale, scale));
    }
    await expect(open(folder, 4)).rejects.toThrow("there are no images for ×4; there are some for ×2, ×3");
  });

  it("prefers HR that is cropped for the scale to the original", async () => {
    const folder = await setOf({
      "GTmod12/a.png": large(1),
      "LRbicx2/a.png": small(1),
      "LRbicx3/a.png": small(1, 3),
      "original/a.png": noise(WIDTH + 5, 20, 3, 8),
    });
    for (const scale of [2, 3]) {
      const { pairs } = await open(folder, scale);
      expect(pairs).toHaveLength(1);
      expect(await pairs[0]?.hr()).toEqual(large(1));
      expect(await pairs[0]?.lr()).toEqual(small(1, scale));
    }
    await expect(open(folder, 4)).rejects.toThrow("there are no LR images for ×4, only for ×2, ×3");
  });

  it("follows links to its parts", async () => {
    const elsewhere = await temporaryFolder();
    await place(elsewhere, { "a.png": large(1), "x2/a.png": small(1) });
    const folder = await temporaryFolder();
    await place(folder, { "HR/a.png": large(1) });
    await mkdir(join(folder, "LR_bicubic"));
    await symlink(join(elsewhere, "x2"), join(folder, "LR_bicubic", "X2"));
    await symlink("..", join(folder, "HR", "HR"));
    expect(await (await open(folder)).pairs[0]?.lr()).toEqual(small(1));
  });

  it("takes ranges of pieces by the numbers of the images that they are of", async () => {
    const images = [1, 2, 3].flatMap((i): [string, Image][] =>
      [1, 2].flatMap((piece): [string, Image][] => [
        [`DIV2K_train_HR_sub/000${i}_s00${piece}.png`, large(i)],
        [`DIV2K_train_LR_bicubic/X2_sub/000${i}_s00${piece}.png`, small(i)],
      ]),
    );
    const { pairs } = await open(await setOf(Object.fromEntries(images)), 2, "2-3");
    expect(pairs.map(({ name }) => name)).toEqual(["0002_s001", "0002_s002", "0003_s001", "0003_s002"]);
  });
});

describe("HR alone", () => {
  it.each(["HR", "GTmod12", "DIV2K_valid_HR"])("in %s: LR is made, and it is said so", async (name) => {
    const folder = await setOf({ [`${name}/0001.png`]: large(1), "results/0001.png": large(2) });
    const { pairs, note } = await open(folder);
    expect(await pairs[0]?.lr()).toEqual(resizeBicubic(large(1), 1 / 2));
    expect(pairs).toHaveLength(1);
    expect(note).toBe(
      `${folder}: there are HR images and no LR; it is made from them by MATLAB's bicubic. Other images are left out: 1`,
    );
  });

  it("is not looked for where LR of other scales is there", async () => {
    const folder = await setOf({ "HR/a.png": large(1), "LR_bicubic/X3/ax3.png": small(1, 3) });
    await expect(open(folder)).rejects.toThrow(`slimsr prepare --hr ${join(folder, "HR")} --scale 2 --out ${folder}`);
  });

  it("has thumbnails of storage systems beside it", async () => {
    const folder = await setOf({
      "i0.png": large(0),
      "@eaDir/i0.png/SYNOPHOTO_THUMB_M.jpg": small(0),
      "holiday/i1.png": large(1),
      "holiday/@eaDir/i1.png/SYNOPHOTO_THUMB_XL.jpg": small(1),
      "#recycle/i2.png": large(2),
      "__MACOSX/i3.png": large(3),
    });
    expect((await open(folder)).pairs.map(({ name }) => name)).toEqual(["holiday/i1", "i0"]);
  });
});

describe("layouts that are not known", () => {
  it.each<[string, Record<string, Image>]>([
    ["sharp and blurred", { "target/a.png": large(1), "input/a.png": small(1) }],
    ["sizes in the names", { "a.png": large(1), "a_x2.png": small(1) }],
    ["sizes at the names", { "a.png": large(1), "ax4.png": noise(6, 4, 3, 8) }],
    ["thumbnails beside", { "a.png": large(1), "a_thumb.jpg": noise(8, 6, 3, 8) }],
    ["thumbnails below", { "2024/a.png": large(1), "2024/previews/a.jpg": noise(9, 7, 3, 8) }],
    ["sizes as WordPress writes them", { "2024/a.jpg": large(1), "2024/a-12x9.jpg": small(1) }],
    ["names that go on", { "a.png": large(1), "a@half.png": small(1) }],
    ["names that begin otherwise", { "a.png": large(1), "thumb_a.png": small(1) }],
    ["bitmaps", { "full/a.bmp": large(1), "quarter/a.bmp": noise(6, 4, 3, 8) }],
  ])("%s: pictures in several sizes are refused, naming two", async (_, images) => {
    const folder = await setOf({ ...images, "other/b.png": large(7), "other/c.png": noise(40, 10, 3, 8) });
    const [first, second] = Object.keys(images) as [string, string];
    const out = await temporaryFolder();
    for (const use of [() => open(folder), () => listHr(folder), () => prepareBenchmark(folder, [2], out)]) {
      const used = use();
      await expect(used).rejects.toThrow(DatasetError);
      await expect(used).rejects.toThrow(`${join(folder, first)} (24×18) and ${join(folder, second)} (`);
      await expect(used).rejects.toThrow("look like one picture in two sizes");
    }
  });

  it("different pictures of one name are taken as they are", async () => {
    const folder = await setOf({ "a/1.png": large(1), "b/1.png": noise(18, 24, 3, 8), "c/1.png": noise(24, 12, 3, 8) });
    expect((await open(folder)).pairs.map(({ name }) => name)).toEqual(["a/1", "b/1", "c/1"]);
  });

  it("LR without HR is refused, unless it is the set itself", async () => {
    const folder = await setOf({ "LRbicx2/a.png": small(1) });
    await expect(open(folder)).rejects.toThrow(`there are LR images (${join(folder, "LRbicx2/a.png")}), but no HR`);
    expect((await open(join(folder, "LRbicx2"))).pairs).toHaveLength(1);
  });

  it("two HR images of one picture are refused", async () => {
    const folder = await setOf({ "HR/a.png": large(1), "GT/a.png": large(2), "LR/a.png": small(1) });
    await expect(open(folder)).rejects.toThrow(/GT\/a\.png and .*HR\/a\.png have the same name/);
  });
});

describe("sets' names", () => {
  it("are the benchmarks', and tell sets apart", async () => {
    const folder = await setOf({ "HR/a.png": large(1) });
    expect((await open(join(folder, "HR"))).name).toBe("Set");
    expect(setNames(["/d/Set5/HR", "/d/Set14/", "/d/Urban100/image_SRF_4"], "--data")).toEqual([
      "Set5",
      "Set14",
      "Urban100",
    ]);
    expect(setNames(["/d/A/Set", "/d/B/Set/HR"], "--data")).toEqual(["A/Set", "B/Set"]);
    expect(setNames(["/1/A/Set", "/2/A/Set", "/2/B"], "--data")).toEqual(["1/A/Set", "2/A/Set", "B"]);
    expect(setNames(["/d/DIV2K_valid_HR"], "--data")).toEqual(["DIV2K_valid_HR"]);
    expect(() => setNames(["/d/Set5", "/d/Set5/"], "--data")).toThrow(UsageError);
  });
});

describe("preparing a set that holds LR", () => {
  it("takes its HR alone", async () => {
    const folder = await setOf({ "hr/a.png": large(1), "lr/a.png": small(1) });
    const out = await temporaryFolder();
    await prepareBenchmark(folder, [2], out);
    expect(await listing(out)).toEqual(["HR/a.png", "LR_bicubic/X2/ax2.png"]);
  });
});
