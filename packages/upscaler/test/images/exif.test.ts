import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { exifOf, uprightExif } from "../../src/images/exif.js";

interface Entry {
  readonly tag: number;
  /** 3 is 16 bits, 4 is 32. */
  readonly type: 3 | 4;
  readonly value: number;
}

/** One folder, which names a second one of sizes at 100 and a thumbnail's at 200. */
function tiffOf(isLittle: boolean, first: readonly Entry[], second: readonly Entry[]): DataView {
  const view = new DataView(new ArrayBuffer(220));
  view.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, 8, isLittle);
  const folder = (start: number, entries: readonly Entry[], next: number) => {
    view.setUint16(start, entries.length, isLittle);
    entries.forEach(({ tag, type, value }, i) => {
      const at = start + 2 + i * 12;
      view.setUint16(at, tag, isLittle);
      view.setUint16(at + 2, type, isLittle);
      view.setUint32(at + 4, 1, isLittle);
      view[type === 3 ? "setUint16" : "setUint32"](at + 8, value, isLittle);
    });
    view.setUint32(start + 2 + entries.length * 12, next, isLittle);
  };
  folder(8, [...first, { tag: 0x8769, type: 4, value: 100 }], 200);
  folder(100, second, 0);
  return view;
}

describe.each([true, false])("EXIF whose least significant byte comes first: %s", (isLittle) => {
  const given = tiffOf(
    isLittle,
    [
      { tag: 0x10f, type: 3, value: 7 },
      { tag: 0x112, type: 3, value: 6 },
    ],
    [
      { tag: 0xa002, type: 3, value: 40_000 },
      { tag: 0xa003, type: 4, value: 30_000 },
    ],
  );
  const expected = tiffOf(
    isLittle,
    [
      { tag: 0x10f, type: 3, value: 7 },
      { tag: 0x112, type: 3, value: 1 },
    ],
    [
      { tag: 0xa002, type: 4, value: 80_000 },
      { tag: 0xa003, type: 4, value: 60_000 },
    ],
  );
  // No thumbnail follows the first folder.
  expected.setUint32(8 + 2 + 3 * 12, 0, isLittle);

  it("is of an upright image of its size then, without a thumbnail", () => {
    const bytes = new Uint8Array(given.buffer);
    const before = bytes.slice();
    const size = { width: 80_000, height: 60_000 };
    expect(uprightExif(bytes, size)).toEqual(new Uint8Array(expected.buffer));
    const prefixed = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), bytes]);
    expect(uprightExif(prefixed, size)).toEqual(new Uint8Array(expected.buffer));
    expect(bytes).toEqual(before);
  });

  it("is dropped where it is damaged", () => {
    const size = { width: 1, height: 1 };
    const bytes = new Uint8Array(given.buffer);
    for (const length of [0, 3, 9, 30, 45, 110]) expect(uprightExif(bytes.subarray(0, length), size)).toBeUndefined();
    expect(
      uprightExif(
        Uint8Array.from(bytes, (byte, i) => (i === 0 ? 0 : byte)),
        size,
      ),
    ).toBeUndefined();
  });
});

it.each(["jpeg", "png"] as const)("lies in a %s as another decoder finds it", async (format) => {
  const image = sharp({ create: { width: 8, height: 6, channels: 3, background: "teal" } }).toFormat(format);
  expect(exifOf(await image.toBuffer())).toBeUndefined();
  const tagged = await image.withExif({ IFD0: { Copyright: "nobody" } }).toBuffer();
  const { exif = Buffer.alloc(0) } = await sharp(tagged).metadata();
  const size = { width: 8, height: 6 };
  const found = exifOf(tagged);
  expect(found && uprightExif(found, size)).toEqual(uprightExif(exif, size));
  expect(Buffer.from(found ?? []).toString("latin1")).toContain("nobody");
  for (let length = 0; length < tagged.length; length += 7) exifOf(tagged.subarray(0, length));
});
