import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { declaredSize, endsEarly } from "../../src/images/header.js";
import { noisePixels } from "./noise.js";

const [WIDTH, HEIGHT] = [37, 300];

const image = (channels: 3 | 4 = 3) => {
  const { data } = noisePixels(WIDTH, HEIGHT, channels, 8);
  return sharp(data as Uint8Array, { raw: { width: WIDTH, height: HEIGHT, channels } });
};

const FILES: readonly (readonly [string, () => Promise<Buffer>])[] = [
  ["a PNG", () => image().png().toBuffer()],
  ["a JPEG", () => image().jpeg().toBuffer()],
  ["a progressive JPEG", () => image().jpeg({ progressive: true }).toBuffer()],
  ["a lossy WebP", () => image().webp().toBuffer()],
  ["a lossless WebP", () => image().webp({ lossless: true }).toBuffer()],
  ["a WebP with alpha", () => image(4).webp().toBuffer()],
];

describe("what a file says of its image", () => {
  it.each(FILES)("is its size, and whether it is whole: %s", async (_, make) => {
    const bytes = new Uint8Array(await make());
    expect(declaredSize(bytes)).toEqual({ width: WIDTH, height: HEIGHT });
    expect(endsEarly(bytes)).toBe(false);
    for (const share of [0.3, 0.6, 0.95]) {
      expect(endsEarly(bytes.subarray(0, Math.floor(share * bytes.length)))).toBe(true);
    }
    // Cameras write more behind the image.
    expect(endsEarly(Uint8Array.from([...bytes, 0, 1, 2]))).toBe(false);
  });

  it("is the size of a GIF and a BMP", async () => {
    const gif = new Uint8Array(await image().gif().toBuffer());
    expect(declaredSize(gif)).toEqual({ width: WIDTH, height: HEIGHT });
    const bmp = new DataView(new ArrayBuffer(54));
    bmp.setUint16(0, 0x424d);
    bmp.setInt32(18, WIDTH, true);
    bmp.setInt32(22, -HEIGHT, true);
    expect(declaredSize(new Uint8Array(bmp.buffer))).toEqual({ width: WIDTH, height: HEIGHT });
  });

  it("is nothing where it says nothing", () => {
    for (const bytes of [[], [1, 2, 3], [0x89, 0x50], [0xff, 0xd8, 0xff], [...Buffer.from("RIFF")]]) {
      expect(declaredSize(Uint8Array.from(bytes))).toBeUndefined();
    }
    expect(endsEarly(new Uint8Array())).toBe(false);
  });
});
