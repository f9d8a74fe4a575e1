import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { distance, noise, photograph, photographPath } from "../../../../test/support/photographs.js";
import { ImageError } from "../../../core/src/errors.js";
import { type Image, type Image8, imageOf } from "../../../core/src/images/image.js";
import { encodeBmp } from "../../../upscaler/src/images/bmp.js";
import { decodeImage, readImage } from "../../src/images/decode.js";
import { encodeImage, writeImage } from "../../src/images/encode.js";
import { formatOfName } from "../../src/images/format.js";
import { crc32 } from "./damage.js";

const raw = ({ width, height, channels }: Image) => ({ raw: { width, height, channels } });

describe("decoding what was encoded", () => {
  it.each([
    ["png", 8, [1, 2, 3, 4]],
    ["png", 16, [1, 2, 3, 4]],
    ["tiff", 8, [1, 2, 3, 4]],
    ["tiff", 16, [1, 2, 3, 4]],
    ["bmp", 8, [1, 3, 4]],
    ["webp", 8, [3, 4]],
    ["avif", 8, [3]],
  ] as const)("%s at %i bits gives the same samples", async (format, depth, channels) => {
    for (const count of channels) {
      const image = noise(37, 21, count, depth);
      const bytes = await encodeImage(image, format, { lossless: true });
      expect(await decodeImage(bytes, "noise")).toEqual(image);
    }
  });

  it.each(["jpeg", "webp", "avif"] as const)("%s gives nearly the same samples", async (format) => {
    const image = await photograph("05");
    const decoded = await decodeImage(await encodeImage(image, format, { quality: 95 }), "photograph");
    expect([decoded.width, decoded.height, decoded.channels]).toEqual([101, 75, 3]);
    expect(distance(decoded, image)).toBeLessThan(40);
    expect(distance(decoded, image)).toBeGreaterThan(0);
  });

  it("grey with alpha in a bitmap becomes RGB with alpha", async () => {
    const image = imageOf(1, 1, 2, Uint8Array.of(9, 200));
    expect([...(await decodeImage(await encodeImage(image, "bmp"), "bmp")).data]).toEqual([9, 9, 9, 200]);
  });

  it("16 bits are rounded to 8 where the format has no more", async () => {
    const image = imageOf(1, 1, 3, Uint16Array.of(257 * 10, 257 * 20 + 100, 65535));
    expect([...(await decodeImage(await encodeImage(image, "bmp"), "bmp")).data]).toEqual([10, 20, 255]);
  });

  it("JPEG refuses transparency", async () => {
    await expect(encodeImage(noise(4, 4, 4, 8), "jpeg")).rejects.toThrow("transparency");
  });

  it("WebP refuses sides over 16383 pixels", async () => {
    await expect(encodeImage(noise(16384, 1, 3, 8), "webp")).rejects.toThrow(ImageError);
  });
});

describe("decoding keeps stored samples", () => {
  const chunk = (type: string, data: number[]) => {
    const body = Buffer.from([...Buffer.from(type, "latin1"), ...data]);
    const bytes = Buffer.alloc(body.length + 8);
    bytes.writeUInt32BE(data.length, 0);
    body.copy(bytes, 4);
    bytes.writeUInt32BE(crc32(body), body.length + 4);
    return bytes;
  };
  it.each([
    ["gAMA", [0, 1, 0x86, 0xa0]],
    ["sRGB", [0]],
  ])("of a PNG with a %s chunk", async (type, data) => {
    const image = noise(16, 8, 3, 8);
    const png = Buffer.from(await encodeImage(image, "png"));
    const marked = Buffer.concat([png.subarray(0, 33), chunk(type, data), png.subarray(33)]);
    expect(await decodeImage(marked, "png")).toEqual(image);
  });

  it("of an image whose profile is sRGB", async () => {
    const image = await photograph("05");
    const png = await sharp(image.data, raw(image)).withIccProfile("srgb").png().toBuffer();
    expect((await sharp(png).metadata()).hasProfile).toBe(true);
    expect(await decodeImage(png, "png")).toEqual(image);
  });

  it("of a palette, and of two greys in one bit", async () => {
    const colours = imageOf(4, 1, 3, Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0));
    const palette = await sharp(colours.data, raw(colours)).png({ palette: true, colours: 3, effort: 10 }).toBuffer();
    expect((await sharp(palette).metadata()).isPalette).toBe(true);
    expect(await decodeImage(palette, "png")).toEqual(colours);
    const bits = await sharp(Buffer.from([0, 255, 255, 0]), { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace("b-w")
      .tiff({ bitdepth: 1, compression: "none" })
      .toBuffer();
    expect([...(await decodeImage(bits, "tiff")).data]).toEqual([0, 255, 255, 0]);
  });
});

describe("decoding converts", () => {
  it("another profile to sRGB", async () => {
    const image = imageOf(1, 1, 3, Uint8Array.of(200, 40, 40));
    const png = await sharp(image.data, raw(image)).withIccProfile("p3").png().toBuffer();
    const stored = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
    expect([...stored]).not.toEqual([...image.data]);
    expect(distance(await decodeImage(png, "png"), image)).toBeLessThanOrEqual(3);
  });

  it("EXIF orientation", async () => {
    const image = imageOf(2, 1, 3, Uint8Array.of(255, 0, 0, 0, 0, 255));
    const turned = await sharp(image.data, raw(image)).withMetadata({ orientation: 6 }).png().toBuffer();
    const decoded = await decodeImage(turned, "png");
    expect([decoded.width, decoded.height]).toEqual([1, 2]);
    expect([...decoded.data]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it("CMYK to RGB", async () => {
    const white = await sharp({ create: { width: 8, height: 8, channels: 3, background: "white" } })
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    expect((await sharp(white).metadata()).space).toBe("cmyk");
    const decoded = await decodeImage(white, "jpeg");
    expect(decoded.channels).toBe(3);
    expect(Math.min(...decoded.data)).toBeGreaterThan(245);
  });
});

describe("bitmaps", () => {
  const bitmap = (fields: { width?: number; height?: number; bits?: number; compression?: number }, tail: number[]) => {
    const bytes = Buffer.alloc(54 + tail.length);
    bytes.write("BM");
    const colours = (fields.bits ?? 24) <= 8 ? 2 ** (fields.bits ?? 24) : 0;
    bytes.writeUInt32LE(54 + colours * 4, 10);
    bytes.writeUInt32LE(40, 14);
    bytes.writeInt32LE(fields.width ?? 2, 18);
    bytes.writeInt32LE(fields.height ?? 2, 22);
    bytes.writeUInt16LE(fields.bits ?? 24, 28);
    bytes.writeUInt32LE(fields.compression ?? 0, 30);
    Buffer.from(tail).copy(bytes, 54);
    return bytes;
  };
  const decoded = async (bytes: Uint8Array) => [...(await decodeImage(bytes, "x.bmp")).data];

  it("are read bottom up or top down, blue first, rows padded to four bytes", async () => {
    const rows = [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0];
    expect(await decoded(bitmap({}, rows))).toEqual([9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4]);
    expect(await decoded(bitmap({ height: -2 }, rows))).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
  });

  it("of one bit have a palette of two", async () => {
    const palette = [0, 0, 255, 0, 255, 0, 0, 0];
    const red = [255, 0, 0];
    const blue = [0, 0, 255];
    const bytes = bitmap({ bits: 1, height: 1 }, [...palette, 0b01000000, 0, 0, 0]);
    expect(await decoded(bytes)).toEqual([...red, ...blue]);
  });

  it("of four bits hold two pixels a byte", async () => {
    const greys = Array.from({ length: 16 }, (_, i) => [i * 3, i * 3, i * 3, 0]).flat();
    expect(await decoded(bitmap({ bits: 4, width: 3, height: 1 }, [...greys, 0x12, 0xf0, 0, 0]))).toEqual([3, 6, 45]);
  });

  it("of 32 bits without masks have no alpha", async () => {
    expect(await decoded(bitmap({ bits: 32, width: 1, height: 1 }, [1, 2, 3, 0]))).toEqual([3, 2, 1]);
  });

  it.each([
    [{ bits: 16 }, "16 bits"],
    [{ bits: 8, compression: 1 }, "compression 1"],
    [{ width: -2 }, "damaged"],
    [{ height: 0 }, "damaged"],
    [{ width: 3 }, "cut short"],
    [{ width: 65000, height: 65000 }, "more than the limit"],
  ])("with %o are refused", async (fields, message) => {
    await expect(decoded(bitmap(fields, new Array(1100).fill(0).slice(0, 16)))).rejects.toThrow(message);
  });

  it("of 32 bits with masks are written blue, green, red, alpha", () => {
    const bytes = encodeBmp(imageOf(1, 1, 4, Uint8Array.of(1, 2, 3, 4)) as Image8);
    expect([...bytes.subarray(-4)]).toEqual([3, 2, 1, 4]);
  });
});

describe("files", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slimsr-images-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("are written whole, in the format of the name, and leave nothing beside", async () => {
    const image = noise(20, 10, 3, 8);
    for (const name of ["a.PNG", "a.tif", "a.bmp"]) {
      await writeImage(join(folder, name), image);
      expect(await readImage(join(folder, name))).toEqual(image);
    }
    expect((await readdir(folder)).sort()).toEqual(["a.PNG", "a.bmp", "a.tif"]);
  });

  it("are recognised by content, not by name", async () => {
    const path = join(folder, "really-a-jpeg.png");
    await writeFile(path, await encodeImage(noise(9, 9, 3, 8), "jpeg"));
    expect(await readImage(path)).toMatchObject({ width: 9, height: 9 });
    expect(formatOfName("dir.png/photo.JPG")).toBe("jpeg");
    expect(formatOfName("dir.png/photo")).toBeUndefined();
  });

  it.each([
    ["missing.png", undefined, "there is no such file"],
    [".", undefined, "not a file"],
    ["empty.png", "", "is empty"],
    ["text.png", "hello, world", "not an image in a known format"],
    ["pointer.png", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", "it is a Git LFS pointer"],
    ["picture.gif", "GIF89a..........", "GIF images are not supported"],
    ["picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", "XML or HTML"],
    ["header.png", "\x89PNG\r\n\x1a\n", "damaged or not supported PNG"],
    ["header.bmp", "BM", "cut short"],
  ])("%s gives an error that names it", async (name, content, message) => {
    const path = join(folder, name);
    if (content !== undefined) await writeFile(path, content, "latin1");
    await expect(readImage(path)).rejects.toThrow(ImageError);
    await expect(readImage(path)).rejects.toThrow(message);
    await expect(readImage(path)).rejects.toThrow(path);
  });

  it("that cannot be written give an error that names them", async () => {
    const image = noise(2, 2, 3, 8);
    await expect(writeImage(join(folder, "no/such/folder.png"), image)).rejects.toThrow(
      "folder.png: cannot be written",
    );
    await expect(writeImage(join(folder, "x.gif"), image)).rejects.toThrow("must end in a known format");
  });

  it("of more pixels than allowed are refused, unless the limit is raised", async () => {
    const limited = readImage(photographPath("05"), { maxPixels: 7574 });
    await expect(limited).rejects.toThrow("101×75 are 7575 pixels, more than the limit of 7574; raise the limit");
    expect(await readImage(photographPath("05"), { maxPixels: 7575 })).toMatchObject({ width: 101 });
  });
});
