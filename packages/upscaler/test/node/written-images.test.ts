import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ImageError } from "../../../core/src/errors.js";
import { type Pixels, rowsOf } from "../../src/images/pixels.js";
import { imageSink, type WriteOptions } from "../../src/node/image-sink.js";
import { noisePixels } from "../images/noise.js";
import { openImage, pipeline, read, write as writeTo } from "./pixel-images.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slimsr-test-images-"));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, pixels: Pixels, options?: WriteOptions): Promise<string> =>
  writeTo(join(folder, name), pixels, options);

describe("images that are written", () => {
  it.each([
    ["png", 8, [1, 2, 3, 4]],
    ["png", 16, [1, 2, 3, 4]],
    ["tiff", 8, [1, 2, 3, 4]],
    ["tiff", 16, [1, 2, 3, 4]],
    ["bmp", 8, [1, 3, 4]],
    ["webp", 8, [3, 4]],
    ["avif", 8, [3]],
  ] as const)("as %s of %i bits hold the same samples", async (format, depth, channels) => {
    for (const count of channels) {
      const pixels = noisePixels(37, 21, count, depth);
      const path = await write(`same.${format}`, pixels, { lossless: true });
      expect(await read(path)).toEqual(pixels);
    }
  });

  it("as JPEG hold nearly the same, and are rounded from 16 bits", async () => {
    const { data, info } = await sharp("test/fixtures/images/kodak-23.png").raw().toBuffer({ resolveWithObject: true });
    const wide = {
      width: info.width,
      height: info.height,
      channels: 3,
      data: Uint16Array.from(data, (value) => value * 257),
    } as const;
    const path = await write("nearly.jpg", wide, { quality: 98 });
    const back = await sharp(path).raw().toBuffer();
    const mean = back.reduce((sum, value, i) => sum + Math.abs(value - (data[i] as number)), 0) / back.length;
    expect(mean).toBeLessThan(1);
    const small = await write("small.jpg", wide, { quality: 30 });
    expect((await readFile(small)).length).toBeLessThan((await readFile(path)).length / 3);
  });

  it.each(["png", "jpg", "webp", "avif", "tiff"])("as %s carry the profile, EXIF and the density", async (ending) => {
    const pixels = noisePixels(16, 12, 3, 8);
    const tagged = await pipeline(pixels)
      .withIccProfile("p3")
      .withExif({ IFD0: { Copyright: "nobody" } })
      .jpeg()
      .toBuffer();
    const { icc, exif } = await sharp(tagged).metadata();
    const read = await sharp(
      await write(`tagged.${ending}`, pixels, { icc, exif, density: 300, lossless: true }),
    ).metadata();
    expect(read.icc).toEqual(icc);
    if (ending !== "tiff") expect(read.exif?.toString("latin1")).toContain("nobody");
    if (ending === "tiff") expect(read.density).toBe(300);
    const opened = await openImage(join(folder, `tagged.${ending}`));
    expect(opened.metadata.icc).toEqual(icc);
    if (ending === "png") expect(opened.metadata.density).toBeCloseTo(300, 1);
  });

  it.each(["png", "jpg", "webp", "avif", "tiff"])("as %s carry nothing where nothing is given", async (ending) => {
    const bytes = await readFile(await write(`bare.${ending}`, noisePixels(16, 12, 3, 8)));
    const { exif, icc, xmp, iptc } = await sharp(bytes).metadata();
    expect([exif, icc, xmp, iptc]).toEqual([undefined, undefined, undefined, undefined]);
    expect(bytes.toString("latin1")).not.toContain("Exif\0\0");
  });

  it("as JPEG carry a density without EXIF, as GIF are sRGB's, and as BMP have no profile", async () => {
    const pixels = { data: Uint8Array.of(200, 40, 40), width: 1, height: 1, channels: 3 } as const;
    expect((await sharp(await write("density.jpg", pixels, { density: 150 })).metadata()).density).toBe(150);
    const { icc } = await sharp(await pipeline(pixels).withIccProfile("p3").png().toBuffer()).metadata();
    const [red, green] = await sharp(await write("p3.gif", pixels, { icc }))
      .raw()
      .toBuffer();
    expect([red, green]).toEqual([218, 0]);
    await expect(write("p3.bmp", pixels, { icc })).rejects.toThrow("BMP cannot hold a profile");
  });

  it.each(["gif", "webp"] as const)("as %s move", async (format) => {
    const grey = [0, 100, 200].flatMap((value) => Array.from({ length: 6 * 4 }, () => [value, 0, 0, 255]).flat());
    const animation = { delays: [100, 50, 70], loop: 3 };
    const path = await write(
      `moving.${format}`,
      { data: Uint8Array.from(grey), width: 6, height: 12, channels: 4 },
      { animation, lossless: true },
    );
    expect(await sharp(path).metadata()).toMatchObject({
      pages: 3,
      width: 6,
      delay: [100, 50, 70],
      loop: 3,
    });
    const opened = await openImage(path);
    expect(await Promise.all(opened.frames.map(async (frame) => (await frame.read(3, 1)).data[0]))).toEqual([
      0, 100, 200,
    ]);
  });

  it("are refused before anything is written where the format can't hold them", async () => {
    const layout = { width: 5, height: 5, channels: 4, depth: 8 } as const;
    await expect(imageSink(join(folder, "x.jpg"), layout)).rejects.toThrow("JPEG cannot hold transparency");
    await expect(imageSink(join(folder, "x.webp"), { ...layout, width: 16_384 })).rejects.toThrow(
      "WEBP has at most 16383",
    );
    await expect(imageSink(join(folder, "x.avif"), layout, { animation: { delays: [1, 2], loop: 0 } })).rejects.toThrow(
      "write GIF or WebP",
    );
    await expect(imageSink(join(folder, "x.psd"), layout)).rejects.toThrow("must end in a known format");
    await expect(imageSink(join(folder, "no/folder/x.png"), layout)).rejects.toThrow(
      "folder/x.png: cannot be written: there is no such",
    );
    expect((await readdir(folder)).filter((name) => name.startsWith("x."))).toEqual([]);
  });

  it("have their name when they are whole, and leave nothing where they are given up", async () => {
    const pixels = noisePixels(20, 20, 3, 8);
    for (const name of ["whole.png", "whole.jpg"]) {
      const path = join(folder, name);
      await writeFile(path, "old");
      const before = (await readdir(folder)).sort();
      const sink = await imageSink(path, { ...pixels, depth: 8 });
      await sink.write(rowsOf(pixels, 0, 10));
      await expect(sink.end()).rejects.toThrow(ImageError);
      await sink.abort();
      expect((await readdir(folder)).sort()).toEqual(before);
      expect(await readFile(path, "utf8")).toBe("old");
      await write(name, pixels);
      expect((await readdir(folder)).sort()).toEqual(before);
    }
  });
});
