import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { ImageError } from "../../../core/src/errors.js";
import type { Image } from "../../../core/src/images/image.js";
import { decodeImage } from "../../src/images/decode.js";
import { encodeImage } from "../../src/images/encode.js";

const joined = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);

/** Where the first segment with a marker begins. */
const segmentAt = (bytes: Buffer, marker: number): number => bytes.indexOf(Buffer.of(0xff, marker));

const segment = (marker: number, content: string): Buffer =>
  joined(Buffer.of(0xff, marker, 0, content.length + 2), Buffer.from(content, "latin1"));

/** The scan's header has zeros where sequential JPEGs have 0, 63, 0, as Samsung's phones write it. */
function zeroedScan(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = segmentAt(changed, 0xda);
  const end = at + 2 + changed.readUInt16BE(at + 2);
  expect([...changed.subarray(end - 3, end)]).toEqual([0, 63, 0]);
  changed.fill(0, end - 3, end);
  return changed;
}

describe("what cameras write that is no damage", () => {
  let sound = Buffer.alloc(0);
  let picture: Image;
  beforeAll(async () => {
    sound = Buffer.from(await encodeImage(await photograph("19"), "jpeg"));
    picture = await decodeImage(sound, "sound");
  });

  const quirks: Record<string, (bytes: Buffer) => Buffer> = {
    "zeros in the scan's header": zeroedScan,
    "bytes between two segments": (bytes) => {
      const at = segmentAt(bytes, 0xc4);
      return joined(bytes.subarray(0, at), Buffer.of(1, 2, 3, 0xff, 0, 4), bytes.subarray(at));
    },
    "bytes before the end": (bytes) => joined(bytes.subarray(0, -2), Buffer.alloc(9, 7), bytes.subarray(-2)),
    "no end": (bytes) => bytes.subarray(0, -2),
    "zeros in place of the end": (bytes) => joined(bytes.subarray(0, -2), Buffer.alloc(200)),
    "bytes behind the end": (bytes) => joined(bytes, Buffer.alloc(100, 0xd8)),
    "JFIF of an unknown version": (bytes) =>
      joined(bytes.subarray(0, 2), segment(0xe0, "JFIF\0\x09\x09\0\0\x01\0\x01\0\0"), bytes.subarray(2)),
    "an unknown colour transform": (bytes) =>
      joined(bytes.subarray(0, 2), segment(0xee, "Adobe\0d\0\0\0\0\x07"), bytes.subarray(2)),
    "a fill byte before a marker": (bytes) => {
      const at = segmentAt(bytes, 0xc4);
      return joined(bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at));
    },
    "several of these": (bytes) => zeroedScan(bytes).subarray(0, -2),
  };

  it.each(Object.keys(quirks))("%s: all pixels are as they are without", async (name) => {
    const changed = quirks[name]?.(sound) as Buffer;
    expect(await decodeImage(changed, name)).toEqual(picture);
  });

  it.each(Object.keys(quirks))("%s doesn't hide damage", async (name) => {
    const damaged = Buffer.from(sound);
    const middle = Math.floor(sound.length * 0.6);
    // A marker in the midst of the scan's data.
    damaged.set([0xff, 0xd9], middle);
    await expect(decodeImage(quirks[name]?.(damaged.subarray(0, middle + 2)) as Buffer, name)).rejects.toThrow(
      ImageError,
    );
    const wrong = Buffer.from(sound);
    for (let at = middle; at < middle + 400; at++) wrong.writeUInt8(wrong.readUInt8(at) ^ 0x5a, at);
    await expect(decodeImage(quirks[name]?.(wrong) as Buffer, name)).rejects.toThrow(/damaged or not supported JPEG/);
  });

  it("progressive JPEGs, and such with restarts, keep their pixels", async () => {
    for (const options of [{ progressive: true }, { mozjpeg: true }, { restartInterval: 2 }]) {
      const { width, height, data } = noise(70, 50, 3, 8);
      const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg(options as object)
        .toBuffer();
      const at = segmentAt(bytes, 0xc4);
      const expected = await decodeImage(bytes, "progressive");
      const changed = joined(bytes.subarray(0, at), Buffer.of(1, 2, 3), bytes.subarray(at));
      expect(await decodeImage(changed, "progressive")).toEqual(expected);
      await expect(decodeImage(changed.subarray(0, Math.floor(bytes.length * 0.7)), "cut")).rejects.toThrow(ImageError);
    }
  });
});
