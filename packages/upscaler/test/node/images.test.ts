import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { ImageError } from "../../../core/src/errors.js";
import type { Pixels } from "../../src/images/pixels.js";
import { imageSink, type WriteOptions } from "../../src/node/image-sink.js";
import { noisePixels } from "../images/noise.js";
import { bytesOf, openImage, pipeline, read, write as writeTo } from "./pixel-images.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slimsr-test-images-"));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, pixels: Pixels, options?: WriteOptions): Promise<string> =>
  writeTo(join(folder, name), pixels, options);

/** In memory, and in a file of pixels. */
const memories = [2 ** 26, 0];

describe.each(memories)("images that may take %i bytes of memory", (memory) => {
  it.each([
    [1, 1],
    [7, 500],
    [61, 40],
  ])("of %i×%i are read as they are stored, at every depth and number of channels", async (width, height) => {
    for (const depth of [8, 16] as const) {
      for (const channels of [1, 2, 3, 4] as const) {
        const pixels = noisePixels(width, height, channels, depth);
        for (const format of ["png", "tiff"] as const) {
          const encoded = await pipeline(pixels).toFormat(format, { compression: "lzw" }).toBuffer();
          expect(await read(encoded, { memory })).toEqual(pixels);
        }
      }
    }
  });

  it("are upright, whatever EXIF says, which then says so", async () => {
    const pixels = noisePixels(5, 3, 3, 8);
    for (let orientation = 1; orientation <= 8; orientation++) {
      const encoded = await pipeline(pixels).withMetadata({ orientation }).png().toBuffer();
      const upright = await sharp(encoded).autoOrient().raw().toBuffer({ resolveWithObject: true });
      const opened = await openImage(encoded, { memory });
      const [frame] = opened.frames;
      expect([frame?.width, frame?.height]).toEqual([upright.info.width, upright.info.height]);
      expect(bytesOf(await read(encoded, { memory }))).toEqual(upright.data);
      expect(opened.metadata.orientation).toBe(orientation);
      const { exif } = opened.metadata;
      const path = await write("upright.png", await read(encoded, { memory }), { exif });
      const written = await sharp(path).metadata();
      expect([written.orientation, written.width]).toEqual([1, upright.info.width]);
      expect(await sharp(path).autoOrient().raw().toBuffer()).toEqual(upright.data);
    }
  });

  it("keep their profile and samples, or are converted to sRGB", async () => {
    for (const depth of [8, 16] as const) {
      const peak = depth === 8 ? 1 : 257;
      const data = [200, 40, 40].map((value) => value * peak);
      const pixels = {
        data: depth === 8 ? Uint8Array.from(data) : Uint16Array.from(data),
        width: 1,
        height: 1,
        channels: 3,
      } as const;
      const { icc } = await sharp(
        await pipeline(noisePixels(1, 1, 3, 8))
          .withIccProfile("p3")
          .png()
          .toBuffer(),
      ).metadata();
      const encoded = await readFile(await write("p3.png", pixels, { icc }));
      const opened = await openImage(encoded, { memory });
      expect(opened.metadata.icc).toEqual(icc);
      expect(await read(encoded, { memory })).toEqual(pixels);
      const stripped = await openImage(encoded, { memory, metadata: "strip" });
      expect([stripped.metadata.icc, stripped.metadata.exif]).toEqual([undefined, undefined]);
      // Display P3's (200, 40, 40), as lcms has it.
      const values = [...(await read(encoded, { memory, metadata: "strip" })).data].map((value) => value / peak);
      for (const [i, expected] of [218.2, 0.3, 27.2].entries())
        expect(Math.abs((values[i] ?? 0) - expected)).toBeLessThan(1.6);
    }
  });

  it("of CMYK and of a palette are told, and are RGB", async () => {
    const white = { data: new Uint8Array(8 * 8 * 3).fill(255), width: 8, height: 8, channels: 3 } as const;
    const cmyk = await pipeline(white).toColourspace("cmyk").withIccProfile("cmyk").jpeg().toBuffer();
    const opened = await openImage(cmyk, { memory });
    expect(opened.metadata).toMatchObject({ isCmyk: true, isPalette: false });
    expect(opened.metadata.icc).toBeUndefined();
    const pixels = await read(cmyk, { memory });
    expect(pixels.channels).toBe(3);
    expect(Math.min(...pixels.data)).toBeGreaterThan(245);
    const colours = { data: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255), width: 3, height: 1, channels: 3 } as const;
    const palette = await sharp(colours.data, { raw: colours }).png({ palette: true, colours: 4 }).toBuffer();
    expect((await openImage(palette)).metadata).toMatchObject({ isCmyk: false, isPalette: true });
    expect(await read(palette, { memory })).toEqual(colours);
  });

  it("that move are read frame by frame", async () => {
    const frames = [0, 1, 2].map((i) => new Uint8Array(6 * 4 * 4).map((_, at) => (at % 4 === 3 ? 255 : i * 100)));
    const tall = {
      data: Uint8Array.from(frames.flatMap((frame) => [...frame])),
      width: 6,
      height: 12,
      channels: 4,
    } as const;
    const moving = sharp(tall.data, { raw: { ...tall, pageHeight: 4 } });
    for (const format of ["gif", "webp"] as const) {
      const encoded = await moving
        .clone()
        .toFormat(format, { delay: [100, 50, 70], loop: 2, lossless: true })
        .toBuffer();
      const opened = await openImage(encoded, { memory });
      expect(opened.metadata).toMatchObject({ format, pages: 3, animation: { delays: [100, 50, 70], loop: 2 } });
      const read = await Promise.all(opened.frames.map((frame) => frame.read(1, 2)));
      expect(read.map(({ data, channels }) => [data[0], data.length / channels])).toEqual(
        [0, 100, 200].map((grey) => [grey, 12]),
      );
      expect((await openImage(encoded, { memory, animated: false })).frames).toHaveLength(1);
    }
  });
});

describe("images", () => {
  const pixels = noisePixels(9, 7, 3, 8);

  it("come from paths, URLs, bytes, Blobs and streams", async () => {
    const path = await write("[page=1].png", pixels);
    const odd = join(folder, "name.png[x=1]");
    const bytes = await readFile(path);
    await writeFile(odd, bytes);
    const sources = [
      path,
      odd,
      new URL(`file://${path}`),
      bytes,
      new Blob([bytes]),
      Readable.from([bytes.subarray(0, 50), bytes.subarray(50)]),
    ];
    for (const source of sources) expect(await read(source)).toEqual(pixels);
  });

  it("of more pixels than allowed are refused before they are unpacked, in frames too", async () => {
    const png = await readFile(await write("limit.png", pixels));
    expect(await read(png, { maxPixels: 63 })).toEqual(pixels);
    await expect(openImage(png, { maxPixels: 62, name: "limit.png" })).rejects.toThrow(
      "limit.png: 9×7 are 63 pixels, more than the limit of 62",
    );
    const moving = await sharp(pixels.data, { raw: { width: 9, height: 7, channels: 3, pageHeight: 1 } })
      .gif()
      .toBuffer();
    await expect(openImage(moving, { maxPixels: 62 })).rejects.toThrow("9×7 are 63 pixels");
    await expect(openImage(Readable.from([Buffer.alloc(2 ** 25)]), { maxPixels: 100 })).rejects.toThrow(
      "are more than an image of 100 pixels",
    );
  });

  it("that can't be read name themselves", async () => {
    const text = join(folder, "text.png");
    await writeFile(text, "hello");
    await expect(openImage(text)).rejects.toThrow(`${text}: not an image in a known format`);
    await expect(openImage(join(folder, "none.png"))).rejects.toThrow(
      "none.png: cannot be read: there is no such file",
    );
    await expect(openImage(folder)).rejects.toThrow("not a file");
    await expect(openImage(new URL("https://example.org/x.png"))).rejects.toThrow(
      "https://example.org/x.png: expected a path",
    );
    const cut = (await readFile(await write("cut.png", noisePixels(200, 200, 3, 8)))).subarray(0, 9000);
    for (const memory of memories)
      await expect(openImage(cut, { name: "cut", memory })).rejects.toThrow(/^cut: damaged or not supported PNG/);
  });

  it("leave nothing among the temporary files, and say where there can be none", async () => {
    const temporary = await mkdtemp(join(folder, "temporary-"));
    vi.stubEnv("TMPDIR", temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    await openImage(await readFile(await write("left.png", pixels)), { memory: 0 });
    const cut = (await readFile(await write("cut.png", noisePixels(200, 200, 3, 8)))).subarray(0, 9000);
    await expect(openImage(cut, { memory: 0 })).rejects.toThrow(ImageError);
    const large = { width: 6000, height: 4000, channels: 3, depth: 8 } as const;
    const sink = await imageSink(join(folder, "left.jpg"), large);
    await sink.write(noisePixels(6000, 20, 3, 8));
    expect(await readdir(temporary)).toHaveLength(1);
    await sink.abort();
    expect(await readdir(temporary)).toEqual([]);
    vi.stubEnv("TMPDIR", join(temporary, "none"));
    const message = /none, where pixels of large images lie, can't be used: there is no such/;
    await expect(openImage(join(folder, "left.png"), { memory: 0 })).rejects.toThrow(message);
    const stuck = await imageSink(join(folder, "left.jpg"), large);
    await expect(stuck.write(noisePixels(6000, 20, 3, 8))).rejects.toThrow(message);
    await stuck.abort();
    expect((await readdir(folder)).filter((name) => name.includes(".part"))).toEqual([]);
  });
});
