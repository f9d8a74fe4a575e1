import { ImageError } from "@slimsr/core/internal/errors.js";
import { orientationOf } from "../images/exif.js";
import { emptyPixels, type PixelSource, type Pixels, rowsOf } from "../images/pixels.js";
import { pngChunks } from "../images/png-chunks.js";
import { unfilterRow } from "../images/png-filters.js";
import { spooledInBlobs } from "./blob-pixels.js";

/** What a PNG's first chunk says (PNG specification, section 11.2.1). */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly bits: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

/** Channels by PNG's colour types; a palette is none. */
const CHANNELS: Readonly<Partial<Record<number, Pixels["channels"]>>> = { 0: 1, 2: 3, 4: 2, 6: 4 };
/** Samples of rows that are put down at once. */
const BAND = 2 ** 21;

/** Nothing where a PNG doesn't begin with its header. */
export function pngHeader(bytes: Uint8Array): PngHeader | undefined {
  const [first] = pngChunks(bytes);
  if (first?.type !== "IHDR" || first.data.length !== 13) return undefined;
  const view = new DataView(first.data.buffer, first.data.byteOffset);
  return {
    ...{ width: view.getUint32(0), height: view.getUint32(4), bits: view.getUint8(8), colourType: view.getUint8(9) },
    isInterlaced: view.getUint8(12) !== 0,
  };
}

/** Whether `widePng` reads a PNG: one of 16 bits that is upright, has no colour that stands for nothing and isn't interlaced. */
export function isPlainWide(bytes: Uint8Array, header: PngHeader): boolean {
  const { width, height, bits, colourType, isInterlaced } = header;
  if (width * height === 0 || bits !== 16 || isInterlaced || !CHANNELS[colourType]) return false;
  for (const { type, data } of pngChunks(bytes)) {
    if (type === "tRNS" || (type === "eXIf" && orientationOf(data) !== 1)) return false;
  }
  return true;
}

/**
 * The samples of a PNG of 16 bits as they are, which browsers have 8 bits of.
 * @param file whose `bytes` are these
 * @throws ImageError where it is damaged
 */
export function widePng(file: Blob, bytes: Uint8Array, header: PngHeader): Promise<PixelSource> {
  const parts: Blob[] = [];
  for (const { type, at, data } of pngChunks(bytes)) {
    if (type === "IDAT") parts.push(file.slice(at + 8, at + 8 + data.length));
  }
  return spooledInBlobs(bandsOf(new Blob(parts), header), header.height);
}

async function* bandsOf(deflated: Blob, { width, height, colourType }: PngHeader): AsyncGenerator<Pixels> {
  const channels = CHANNELS[colourType] as Pixels["channels"];
  const length = width * channels;
  const rows = Math.max(1, Math.floor(BAND / length));
  let above = new Uint8Array(2 * length);
  let row = new Uint8Array(1 + 2 * length);
  let band = emptyPixels({ width, height: Math.min(rows, height), channels, depth: 16 });
  let [read, filled] = [0, 0];
  for await (const part of inflated(deflated)) {
    if (read === height) break;
    for (let at = 0; at < part.length && read < height; ) {
      const count = Math.min(part.length - at, row.length - filled);
      row.set(part.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < row.length) break;
      filled = 0;
      const filter = row[0] as number;
      if (filter > 4) throw damaged(`row ${read} has a filter that there isn't, ${filter}`);
      const samples = row.subarray(1);
      unfilterRow(filter, samples, above, 2 * channels);
      const start = (read % rows) * length;
      for (let i = 0; i < length; i++) {
        band.data[start + i] = ((samples[2 * i] as number) << 8) | (samples[2 * i + 1] as number);
      }
      row = new Uint8Array(row.length);
      above = samples;
      read++;
      if (read % rows === 0 || read === height) {
        yield rowsOf(band, 0, ((read - 1) % rows) + 1);
        band = emptyPixels({ width, height: Math.min(rows, height), channels, depth: 16 });
      }
    }
  }
  if (read < height) throw damaged(`its pixels end after ${read} of ${height} rows`);
}

async function* inflated(deflated: Blob): AsyncGenerator<Uint8Array> {
  const reader = deflated.stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw damaged((error as Error).message);
      });
      if (done) return;
      yield value;
    }
  } finally {
    // What comes behind the last row may be without end.
    await reader.cancel().catch(() => undefined);
  }
}

const damaged = (reason: string): ImageError =>
  new ImageError(`the PNG is damaged (${reason}); get it again from where it came`);
