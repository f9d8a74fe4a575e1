import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { concatenated } from "../../src/images/bytes.js";
import { type Pixels, rowsOf } from "../../src/images/pixels.js";
import { type PngOptions, pngSink } from "../../src/images/png.js";
import { spooledInBlobs } from "../../src/web/blob-pixels.js";
import { isPlainWide, type PngHeader, pngHeader, widePng } from "../../src/web/wide-png.js";
import { noisePixels } from "../images/noise.js";

/** As libvips writes them: all rows of one filter, or of whichever is best. */
async function written({ data, width, height, channels }: Pixels, adaptiveFiltering: boolean): Promise<Buffer> {
  const image = sharp(data as Uint16Array, { raw: { width, height, channels } });
  return image
    .toColourspace(channels < 3 ? "grey16" : "rgb16")
    .png({ adaptiveFiltering })
    .toBuffer();
}

async function own(pixels: Pixels, options: PngOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const out = {
    write: async (part: Uint8Array) => void parts.push(part),
    close: async () => {},
    abort: async () => {},
  };
  const sink = pngSink({ ...pixels, depth: 16 }, out, options);
  await sink.write(pixels);
  await sink.end();
  return concatenated(parts);
}

/** Ramps beside noise, so that each filter is the best of some rows. */
function drawn(width: number, height: number, channels: Pixels["channels"]): Pixels {
  const pixels = noisePixels(width, height, channels, 16);
  for (let i = 0; i < pixels.data.length; i++) {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    const ramps = [x * 3, y * 11, x * 300 + y * 200, (x % 7) * 30, x * y] as const;
    const kind = Math.floor((y * 6) / height);
    if (kind < 5) pixels.data[i] = (ramps[kind] as number) % 65536;
  }
  return pixels;
}

const read = async (bytes: Uint8Array<ArrayBuffer>) => widePng(new Blob([bytes]), bytes, pngHeader(bytes) as PngHeader);

describe("a PNG of 16 bits", () => {
  it.each([1, 2, 3, 4] as const)("of %i channels is read as it was written, in any bands", async (channels) => {
    const pixels = drawn(331, 421, channels);
    const files: Uint8Array[] = [await own(pixels), await own(pixels, { filters: false })];
    if (channels !== 2) files.push(...(await Promise.all([true, false].map((filters) => written(pixels, filters)))));
    for (const file of files) {
      const bytes = new Uint8Array(file);
      const source = await read(bytes);
      expect([source.width, source.height, source.channels, source.depth]).toEqual([331, 421, channels, 16]);
      for (const [top, rows] of [
        [0, 421],
        [400, 21],
        [7, 100],
      ] as const) {
        const { data } = await source.read(top, rows);
        const expected = rowsOf(pixels, top, rows).data;
        expect(data.length).toBe(expected.length);
        expect(data.every((sample, i) => sample === expected[i])).toBe(true);
      }
    }
  });

  it("is put down in several bands where it is large", async () => {
    const pixels = drawn(2100, 1100, 3);
    const { data } = await (await read(await own(pixels))).read(0, 1100);
    expect(data.every((sample, i) => sample === pixels.data[i])).toBe(true);
  });

  it("is refused where it is damaged", async () => {
    const bytes = await own(drawn(64, 64, 3), { filters: false });
    const cut = bytes.slice();
    // The image's header says more rows than there are.
    new DataView(cut.buffer).setUint32(20, 70);
    await expect(read(cut)).rejects.toThrow("the PNG is damaged (its pixels end after 64 of 70 rows)");
    const changed = bytes.slice();
    changed.fill(0x55, 200, 260);
    await expect(read(changed)).rejects.toThrow("the PNG is damaged");
  });

  it("is left to the browser where it is turned, interlaced, of 8 bits or has a colour for nothing", async () => {
    const image = sharp(drawn(8, 8, 3).data as Uint16Array, { raw: { width: 8, height: 8, channels: 3 } });
    const deep = image.toColourspace("rgb16");
    const isPlain = (bytes: Uint8Array) => isPlainWide(bytes, pngHeader(bytes) as PngHeader);
    expect(isPlain(await deep.clone().png().toBuffer())).toBe(true);
    expect(isPlain(await deep.clone().withMetadata({ orientation: 1 }).png().toBuffer())).toBe(true);
    expect(isPlain(await deep.clone().withMetadata({ orientation: 6 }).png().toBuffer())).toBe(false);
    expect(isPlain(await deep.clone().png({ progressive: true }).toBuffer())).toBe(false);
    expect(isPlain(await image.clone().toColourspace("srgb").png().toBuffer())).toBe(false);
    expect(pngHeader(new Uint8Array(20))).toBeUndefined();
  });
});

describe("bands in Blobs", () => {
  it.each([8, 16, "float"] as const)("of depth %s are read again as they were", async (depth) => {
    const pixels = depth === "float" ? floats() : noisePixels(13, 40, 3, depth);
    async function* bands() {
      for (let top = 0; top < 40; top += 7) yield rowsOf(pixels, top, Math.min(7, 40 - top));
    }
    const source = await spooledInBlobs(bands(), 40);
    expect([source.width, source.height, source.channels, source.depth]).toEqual([13, 40, 3, depth]);
    for (const [top, rows] of [
      [0, 40],
      [5, 11],
      [39, 1],
    ] as const) {
      expect(await source.read(top, rows)).toEqual({
        ...rowsOf(pixels, top, rows),
        data: rowsOf(pixels, top, rows).data.slice(),
      });
    }
    await expect(spooledInBlobs(bands(), 41)).rejects.toThrow("the image ends after 40 of 41 rows");
  });

  const floats = (): Pixels => ({
    ...{ width: 13, height: 40, channels: 3 },
    data: Float32Array.from({ length: 13 * 40 * 3 }, (_, i) => (i % 101) / 100),
  });
});
