import sharp from "sharp";
import { noise } from "../../../../test/support/photographs.js";
import type { Image } from "../../../core/src/images/image.js";
import { encodeImage } from "../../src/images/encode.js";

/** A sound image file of every kind that is read, by what it is. */
export async function soundFiles(): Promise<Record<string, Uint8Array>> {
  const rgb = noise(40, 30, 3, 8);
  const raw = ({ data, width, height, channels }: Image) => sharp(data, { raw: { width, height, channels } });
  return {
    "PNG, RGB": await encodeImage(rgb, "png"),
    "PNG, 16 bits": await encodeImage(noise(40, 30, 4, 16), "png"),
    "PNG, grey and alpha": await encodeImage(noise(40, 30, 2, 8), "png"),
    "PNG, palette": await raw(rgb).png({ palette: true, colours: 16 }).toBuffer(),
    "PNG, interlaced": await raw(rgb).png({ progressive: true }).toBuffer(),
    "PNG, profile": await raw(rgb).withIccProfile("p3").png().toBuffer(),
    "JPEG, baseline": await encodeImage(rgb, "jpeg"),
    "JPEG, progressive": await raw(rgb).jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
    "JPEG, CMYK": await raw(rgb).toColourspace("cmyk").jpeg().toBuffer(),
    "WebP, lossy": await encodeImage(rgb, "webp"),
    "WebP, lossless with alpha": await encodeImage(noise(40, 30, 4, 8), "webp", { lossless: true }),
    "TIFF, deflate": await encodeImage(rgb, "tiff"),
    "TIFF, 16 bits": await encodeImage(noise(40, 30, 3, 16), "tiff"),
    "TIFF, LZW tiles": await raw(rgb)
      .tiff({ compression: "lzw", tile: true, tileWidth: 16, tileHeight: 16 })
      .toBuffer(),
    "TIFF, JPEG": await raw(rgb).tiff({ compression: "jpeg" }).toBuffer(),
    "TIFF, uncompressed": await raw(rgb).tiff({ compression: "none" }).toBuffer(),
    AVIF: await encodeImage(rgb, "avif"),
    "BMP, grey": await encodeImage(noise(40, 30, 1, 8), "bmp"),
    "BMP, RGB": await encodeImage(rgb, "bmp"),
    "BMP, alpha": await encodeImage(noise(40, 30, 4, 8), "bmp"),
  };
}

/** Numbers that are the same for the same seed. */
export function randomness(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A damaged copy of a file, of a kind and extent that depend on the seed. */
export function damaged(file: Uint8Array, seed: number): { kind: string; bytes: Uint8Array } {
  const random = randomness(seed * 7919 + 1);
  for (let i = 0; i < 4; i++) random(2);
  const bytes = Uint8Array.from(file);
  const flip = (within: number, count: number) => {
    for (let i = 0; i < count; i++) {
      const at = random(within);
      bytes[at] = (bytes[at] as number) ^ (1 << random(8));
    }
  };
  const start = random(bytes.length);
  const end = Math.min(bytes.length, start + 1 + random(64));
  switch (seed % 7) {
    case 0:
      return { kind: "cut short", bytes: bytes.subarray(0, start) };
    case 1:
      flip(bytes.length, 1 + random(20));
      return { kind: "bits flipped", bytes };
    case 2:
      flip(Math.min(bytes.length, 200), 1 + random(4));
      return { kind: "bits flipped in the header", bytes };
    case 3:
      bytes.fill(0, start, end);
      return { kind: "zeros in the middle", bytes };
    case 4:
      bytes.fill(0xff, Math.min(start, 300), Math.min(start, 300) + 1 + random(4));
      return { kind: "ones in the header", bytes };
    case 5:
      return { kind: "a piece missing", bytes: Uint8Array.from([...bytes.subarray(0, start), ...bytes.subarray(end)]) };
    default:
      for (let i = 12 + random(20); i < bytes.length; i++) bytes[i] = random(256);
      return { kind: "rubbish after the signature", bytes };
  }
}

/** Files of a few hundred bytes that claim to be huge: within a limit of 52 million pixels, and beyond it. */
export async function boastingFiles(): Promise<Record<string, Uint8Array>> {
  const files = await soundFiles();
  const changed = (name: string, change: (view: DataView) => void) => {
    const bytes = Uint8Array.from(files[name] as Uint8Array);
    change(new DataView(bytes.buffer));
    return bytes;
  };
  const boasts: Record<string, Uint8Array> = {};
  for (const side of [7200, 65000]) {
    boasts[`PNG ${side}`] = changed("PNG, RGB", (view) => {
      view.setUint32(16, side);
      view.setUint32(20, side);
      view.setUint32(29, crc32(new Uint8Array(view.buffer, 12, 17)));
    });
    boasts[`BMP ${side}`] = changed("BMP, RGB", (view) => {
      view.setInt32(18, side, true);
      view.setInt32(22, side, true);
    });
    boasts[`JPEG ${side}`] = changed("JPEG, baseline", (view) => {
      const frame = markerAt(view, 0xffc0);
      view.setUint16(frame + 5, side);
      view.setUint16(frame + 7, side);
    });
    boasts[`progressive JPEG ${side}`] = changed("JPEG, progressive", (view) => {
      const frame = markerAt(view, 0xffc2);
      view.setUint16(frame + 5, side);
      view.setUint16(frame + 7, side);
    });
    boasts[`AVIF ${side}`] = changed("AVIF", (view) => {
      const extents = indexOf(new Uint8Array(view.buffer), "ispe");
      view.setUint32(extents + 8, side);
      view.setUint32(extents + 12, side);
    });
    boasts[`WebP ${Math.min(side, 16383)}`] = changed("WebP, lossy", (view) => {
      const start = indexOf(new Uint8Array(view.buffer), "VP8 ") + 14;
      view.setUint16(start, Math.min(side, 16383), true);
      view.setUint16(start + 2, Math.min(side, 16383), true);
    });
    boasts[`TIFF ${side}`] = changed("TIFF, uncompressed", (view) => {
      const directory = view.getUint32(4, true);
      for (let i = 0; i < view.getUint16(directory, true); i++) {
        const entry = directory + 2 + 12 * i;
        const tag = view.getUint16(entry, true);
        if (tag === 256 || tag === 257) {
          view.setUint16(entry + 2, 4, true);
          view.setUint32(entry + 8, side, true);
        }
      }
    });
  }
  return boasts;
}

function markerAt(view: DataView, marker: number): number {
  for (let at = 0; at + 1 < view.byteLength; at++) if (view.getUint16(at) === marker) return at;
  throw new Error("the file has no such marker");
}

function indexOf(bytes: Uint8Array, text: string): number {
  const at = Buffer.from(bytes).indexOf(text, 0, "latin1");
  if (at < 0) throw new Error(`the file has no ${text}`);
  return at;
}

/** The checksum of PNG chunks. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
