import { ImageError } from "@slimsr/core/internal/errors.js";
import { type Channels, hasAlpha, type Image8, imageOf } from "@slimsr/core/internal/images/image.js";

/**
 * Windows bitmaps: palettes of 1, 4 and 8 bits, 24 bits, 32 bits with or without masks, either row order. Run-length
 * encoded, 16-bit and OS/2 bitmaps are not supported.
 */

const FILE_HEADER = 14;
const INFO_HEADER = 40;
const V4_HEADER = 108;
const RGB = 0;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  readonly pixels: number;
  readonly palette: Uint8Array;
}

/** Width and height that a bitmap declares. @throws ImageError if the header is damaged or not supported */
export function bmpSize(bytes: Uint8Array, name: string): { width: number; height: number } {
  return readHeader(bytes, name);
}

/**
 * Decodes a bitmap. A palette of greys gives one channel, any other palette RGB; the fourth byte of 32 bits is alpha only
 * where a mask says so.
 * @param name names the file in messages
 * @throws ImageError if the bitmap is damaged, cut short or not supported
 */
export function decodeBmp(bytes: Uint8Array, name: string): Image8 {
  const header = readHeader(bytes, name);
  const { width, height, bits, pixels } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixels + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) {
    throw new ImageError(
      `${name}: the bitmap is cut short: ${width}×${height} pixels of ${bits} bits need ${stride * height} bytes from ${pixels} on, the file has ${bytes.length}; copy it anew from its source`,
    );
  }
  const rowStart = (y: number) => pixels + (header.topDown ? y : height - 1 - y) * stride;
  if (bits <= 8) return decodeIndices(bytes, header, rowStart, name);

  const order = bits === 24 ? [2, 1, 0] : maskOrder(bytes, header, name);
  const channels = order.length as Channels;
  const data = new Uint8Array(width * height * channels);
  let out = 0;
  for (let y = 0; y < height; y++) {
    const row = rowStart(y);
    for (let x = 0; x < width; x++) {
      const at = row + (x * bits) / 8;
      for (const byte of order) data[out++] = bytes[at + byte] as number;
    }
  }
  return imageOf(width, height, channels, data);
}

function readHeader(bytes: Uint8Array, name: string): Header {
  if (bytes.length < FILE_HEADER + INFO_HEADER) {
    throw new ImageError(`${name}: the bitmap's header is cut short; copy the file anew from its source`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixels = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const colours = view.getUint32(46, true);
  const unsupported =
    headerSize < INFO_HEADER
      ? "an OS/2 bitmap"
      : ![1, 4, 8, 24, 32].includes(bits)
        ? `a bitmap of ${bits} bits a pixel`
        : compression !== RGB && !(bits === 32 && (compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS))
          ? `a bitmap with compression ${compression}`
          : undefined;
  if (unsupported !== undefined) {
    throw new ImageError(
      `${name}: ${unsupported} is not supported (palettes of 1, 4, 8 bits, 24 and 32 bits are, uncompressed); convert it to PNG`,
    );
  }
  const paletteStart = FILE_HEADER + headerSize;
  const entries = bits > 8 ? 0 : colours === 0 ? 2 ** bits : Math.min(colours, 2 ** bits);
  if (width <= 0 || signedHeight === 0 || pixels < paletteStart || paletteStart + entries * 4 > bytes.length) {
    throw new ImageError(`${name}: the bitmap's header is damaged; copy the file anew from its source`);
  }
  const palette = bytes.subarray(paletteStart, paletteStart + entries * 4);
  return { width, height: Math.abs(signedHeight), topDown: signedHeight < 0, bits, compression, pixels, palette };
}

/** Which byte of a 32-bit pixel is red, green, blue and, if there is one, alpha. */
function maskOrder(bytes: Uint8Array, header: Header, name: string): number[] {
  if (header.compression === RGB) return [2, 1, 0];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = view.getUint32(14, true);
  const alphaMask = headerSize >= 56 || header.compression === ALPHA_BIT_FIELDS;
  const masks = [54, 58, 62, ...(alphaMask ? [66] : [])].map((at) =>
    at + 4 <= bytes.length ? view.getUint32(at, true) : 0,
  );
  if (masks[3] === 0) masks.pop();
  const order = masks.map((mask) => [0xff, 0xff00, 0xff0000, 0xff000000].indexOf(mask));
  if (order.includes(-1) || new Set(order).size !== order.length) {
    throw new ImageError(`${name}: a bitmap whose colours are not whole bytes is not supported; convert it to PNG`);
  }
  return order;
}

function decodeIndices(bytes: Uint8Array, header: Header, rowStart: (y: number) => number, name: string): Image8 {
  const { width, height, bits, palette } = header;
  const entries = palette.length / 4;
  let grey = true;
  for (let i = 0; i < palette.length; i += 4) {
    grey &&= palette[i] === palette[i + 1] && palette[i] === palette[i + 2];
  }
  const channels = grey ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  const mask = 2 ** bits - 1;
  let out = 0;
  for (let y = 0; y < height; y++) {
    const row = rowStart(y);
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      const index = ((bytes[row + (bit >> 3)] as number) >> (8 - bits - (bit & 7))) & mask;
      if (index >= entries) {
        throw new ImageError(
          `${name}: pixel (${x}, ${y}) has colour ${index} of a palette of ${entries}; the file is damaged`,
        );
      }
      for (let c = 0; c < channels; c++) data[out++] = palette[index * 4 + 2 - c] as number;
    }
  }
  return imageOf(width, height, channels, data);
}

/** Encodes 8 bits a sample: grey as a palette of 256 greys, RGB as 24 bits, with alpha as 32 bits with masks. */
export function encodeBmp(image: Image8): Uint8Array<ArrayBuffer> {
  const { width, height, channels, data } = image;
  const alpha = hasAlpha(image);
  const bits = channels === 1 ? 8 : alpha ? 32 : 24;
  const headerSize = alpha ? V4_HEADER : INFO_HEADER;
  const palette = channels === 1 ? 256 * 4 : 0;
  const pixels = FILE_HEADER + headerSize + palette;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const bytes = new Uint8Array(pixels + stride * height);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4d42, true);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, pixels, true);
  view.setUint32(14, headerSize, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  view.setUint32(34, stride * height, true);
  if (alpha) {
    view.setUint32(30, BIT_FIELDS, true);
    [0xff0000, 0xff00, 0xff, 0xff000000].forEach((mask, i) => {
      view.setUint32(54 + 4 * i, mask, true);
    });
    view.setUint32(70, 0x73524742, true); // the colour space "sRGB"
  }
  for (let i = 0; i < palette; i += 4)
    bytes.fill(i / 4, FILE_HEADER + headerSize + i, FILE_HEADER + headerSize + i + 3);

  const grey = channels < 3;
  for (let y = 0; y < height; y++) {
    let out = pixels + (height - 1 - y) * stride;
    for (let at = y * width * channels; at < (y + 1) * width * channels; at += channels) {
      if (channels === 1) {
        bytes[out++] = data[at] as number;
        continue;
      }
      for (let c = 2; c >= 0; c--) bytes[out++] = data[at + (grey ? 0 : c)] as number;
      if (alpha) bytes[out++] = data[at + channels - 1] as number;
    }
  }
  return bytes;
}
