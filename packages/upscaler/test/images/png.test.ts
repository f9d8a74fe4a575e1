import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../core/src/errors.js";
import { type ByteSink, concatenated } from "../../src/images/bytes.js";
import { type CreateDeflater, platformDeflater, storedDeflater } from "../../src/images/deflate.js";
import { emptyPixels, type Pixels, rowsOf } from "../../src/images/pixels.js";
import { type PngOptions, pngSink } from "../../src/images/png.js";
import { nodeDeflater } from "../../src/node/deflate.js";
import { noisePixels } from "./noise.js";

function collected(): ByteSink & { bytes(): Uint8Array } {
  const parts: Uint8Array[] = [];
  return {
    write: async (bytes) => void parts.push(bytes),
    close: async () => {},
    abort: async () => {},
    bytes: () => concatenated(parts),
  };
}

async function png(pixels: Pixels, options: PngOptions = {}, band = 7): Promise<Uint8Array> {
  const out = collected();
  const sink = pngSink({ ...pixels, depth: pixels.data instanceof Uint16Array ? 16 : 8 }, out, options);
  for (let top = 0; top < pixels.height; top += band) {
    await sink.write(rowsOf(pixels, top, Math.min(band, pixels.height - top)));
  }
  await sink.end();
  return out.bytes();
}

/** The samples that libvips reads. */
async function decoded(bytes: Uint8Array, { data, channels }: Pixels) {
  const wide = data instanceof Uint16Array;
  // Of 8 bits sharp gives no grey with alpha.
  const isReplicated = channels === 2 && !wide;
  const image = sharp(bytes)
    .toColourspace(channels < 3 && !isReplicated ? (wide ? "grey16" : "b-w") : wide ? "rgb16" : "srgb")
    .raw({ depth: wide ? "ushort" : "uchar" });
  const { data: raw, info } = await image.toBuffer({ resolveWithObject: true });
  const samples = wide ? new Uint16Array(new Uint8Array(raw).buffer) : new Uint8Array(raw);
  const kept = isReplicated ? samples.filter((_, i) => i % 4 === 0 || i % 4 === 3) : samples;
  return { width: info.width, height: info.height, samples: kept };
}

/** Stripes, ramps and noise: every filter is the best somewhere. */
function drawn(width: number, height: number, channels: Pixels["channels"], depth: 8 | 16): Pixels {
  const pixels = noisePixels(width, height, channels, depth);
  const peak = depth === 8 ? 255 : 65535;
  for (let i = 0; i < pixels.data.length; i++) {
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / channels / width);
    const kind = Math.floor((y * 6) / height);
    const ramps = [x * 3, y * 11, x * 3 + y * 2, (x % 7) * 30, x * y] as const;
    if (kind < 5) pixels.data[i] = (ramps[kind] as number) % (peak + 1);
  }
  return pixels;
}

const deflaters: [string, CreateDeflater][] = [
  ["the platform's", platformDeflater],
  ["Node's", nodeDeflater],
  ["no", storedDeflater],
];

describe.each(deflaters)("a PNG by %s deflate", (_, deflater) => {
  it.each([
    [1, 1],
    [7, 500],
    [500, 7],
    [1, 40_000],
    [1021, 331],
  ])("of %i×%i pixels is what libvips reads", async (width, height) => {
    for (const channels of [1, 2, 3, 4] as const) {
      for (const depth of [8, 16] as const) {
        const pixels = drawn(width, height, channels, depth);
        const { samples, ...size } = await decoded(await png(pixels, { deflater }), pixels);
        expect(size).toEqual({ width, height });
        // Not toEqual, which takes seconds.
        expect(samples.every((sample, i) => sample === pixels.data[i])).toBe(true);
        expect(samples).toHaveLength(pixels.data.length);
      }
    }
  });

  it("fails where what takes the bytes does", async () => {
    const out = { ...collected(), write: () => Promise.reject(new Error("the disk is full")) };
    const pixels = noisePixels(3000, 1500, 3, 8);
    const sink = pngSink({ ...pixels, depth: 8 }, out, { deflater });
    const all = async () => {
      await sink.write(pixels);
      await sink.end();
    };
    await expect(all()).rejects.toThrow("the disk is full");
  });

  it("waits for what takes the bytes", async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let taken = 0;
    const out: ByteSink = {
      ...collected(),
      write: async (bytes) => {
        taken += bytes.length;
        if (taken > 100_000) await gate;
      },
    };
    const pixels = noisePixels(1000, 100, 3, 8);
    const sink = pngSink({ width: 1000, height: 10_000, channels: 3, depth: 8 }, out, { deflater });
    let written = 0;
    const writing = (async () => {
      for (; written < 100; written++) await sink.write(pixels);
      await sink.end();
    })();
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Of 30 MB no more than what is compressed at the moment.
    expect(written).toBeLessThan(20);
    open();
    await writing;
    expect(taken).toBeGreaterThan(29e6);
  });
});

describe("a PNG", () => {
  it("of photographs is a fourth smaller than libvips' own", async () => {
    const { data, info } = await sharp("test/fixtures/images/kodak-23.png").raw().toBuffer({ resolveWithObject: true });
    const pixels: Pixels = { data, width: info.width, height: info.height, channels: 3 };
    const plain = await sharp(data, { raw: info }).png().toBuffer();
    const adaptive = await sharp(data, { raw: info }).png({ adaptiveFiltering: true }).toBuffer();
    const own = (await png(pixels, { deflater: nodeDeflater })).length;
    expect(own).toBeLessThan(0.8 * plain.length);
    expect(own).toBeLessThan(1.02 * adaptive.length);
  });

  it("carries a profile, EXIF and a density", async () => {
    const pixels = noisePixels(9, 9, 3, 8);
    const p3 = await sharp(pixels.data, { raw: { width: 9, height: 9, channels: 3 } })
      .withIccProfile("p3")
      .withExif({ IFD0: { Copyright: "nobody" } })
      .jpeg()
      .toBuffer();
    const { icc, exif } = await sharp(p3).metadata();
    const bytes = await png(pixels, { icc, exif: exif?.subarray(6), density: 300 });
    const read = await sharp(bytes).metadata();
    const physical = Buffer.from(bytes).indexOf("pHYs");
    expect(Buffer.from(bytes).toString("hex", physical + 4, physical + 13)).toBe("00002e2300002e2301");
    expect(read.icc).toEqual(icc);
    expect(read.exif?.toString("latin1")).toContain("nobody");
    expect(await sharp(bytes, { ignoreIcc: true }).raw().toBuffer()).toEqual(Buffer.from(pixels.data));
  });

  it("has rows of other depths rounded to its own", async () => {
    const floats: Pixels = { data: Float32Array.of(0, 0.5, 1, 2), width: 4, height: 1, channels: 1 };
    const out = collected();
    const sink = pngSink({ width: 4, height: 1, channels: 1, depth: 16 }, out);
    await sink.write(floats);
    await sink.end();
    const { samples } = await decoded(out.bytes(), emptyPixels({ width: 4, height: 1, channels: 1, depth: 16 }));
    expect([...samples]).toEqual([0, 32768, 65535, 65535]);
  });

  it("refuses rows of another width, and an end before the last row", async () => {
    const sink = pngSink({ width: 4, height: 2, channels: 1, depth: 8 }, collected());
    await expect(sink.write(noisePixels(5, 1, 1, 8))).rejects.toThrow(ImageError);
    await expect(sink.write(noisePixels(4, 1, 3, 8))).rejects.toThrow("rows of 4 pixels in 3 channels");
    await sink.write(noisePixels(4, 1, 1, 8));
    await expect(sink.end()).rejects.toThrow("after 1 of 2 rows");
    await expect(sink.write(noisePixels(4, 2, 1, 8))).rejects.toThrow("more rows");
  });
});
