import { ImageError } from "@slimsr/core/internal/errors.js";
import { type ByteSink, concatenated } from "./bytes.js";
import { type CreateDeflater, type Deflater, deflated, platformDeflater } from "./deflate.js";
import { type PixelLayout, type PixelSink, type Pixels, requireRows, requireRowsOf, toDepth } from "./pixels.js";
import { PNG_SIGNATURE, pngChunk, pngChunks } from "./png-chunks.js";
import { chooseFilter, filterRow } from "./png-filters.js";

/** What a PNG says beside its pixels. */
export interface PngMetadata {
  /** An ICC profile. */
  readonly icc?: Uint8Array | undefined;
  /** In place of a profile: whole chunks that say what colours the samples are, as `coloursOfPng` finds them. */
  readonly colours?: Uint8Array | undefined;
  /** EXIF, as a TIFF stream ("II*\0…" or "MM\0*…"). */
  readonly exif?: Uint8Array | undefined;
  /** Pixels per inch. */
  readonly density?: number | undefined;
}

export interface PngOptions extends PngMetadata {
  /** The platform's CompressionStream where left out. */
  readonly deflater?: CreateDeflater;
  /** Whether rows are filtered, without which nothing is gained by compressing photographs. On by default. */
  readonly filters?: boolean;
}

export interface PngLayout extends PixelLayout {
  readonly depth: 8 | 16;
}

/** PNG's colour types by the number of channels. */
const COLOUR_TYPES = [0, 0, 4, 2, 6];
const MOST_PIXELS = 2 ** 31 - 1;
/** Bytes of filtered rows that are compressed at once. */
const BLOCK = 2 ** 19;
const INCH = 0.0254;
const METRES = 1;

/**
 * A PNG that is written row by row, in memory for some rows. Rows of another depth are rounded to the PNG's.
 * @throws ImageError if the image has more pixels along a side than a PNG can
 */
export function pngSink(layout: PngLayout, out: ByteSink, options: PngOptions = {}): PixelSink {
  if (Math.max(layout.width, layout.height) > MOST_PIXELS) {
    throw new ImageError(`${layout.width}×${layout.height} pixels are more than a PNG can have along a side`);
  }
  return new PngSink(layout, out, options);
}

class PngSink implements PixelSink {
  readonly #layout: PngLayout;
  readonly #out: ByteSink;
  readonly #options: PngOptions;
  readonly #createDeflater: CreateDeflater;
  #data: Deflater | undefined;
  #block: Uint8Array<ArrayBuffer>;
  #filled = 0;
  #top = 0;
  #row: Uint8Array<ArrayBuffer>;
  #above: Uint8Array<ArrayBuffer>;

  constructor(layout: PngLayout, out: ByteSink, options: PngOptions) {
    this.#layout = layout;
    this.#out = out;
    this.#options = options;
    this.#createDeflater = options.deflater ?? platformDeflater;
    this.#row = new Uint8Array(layout.width * this.#unit);
    this.#above = new Uint8Array(this.#row.length);
    const row = this.#row.length + 1;
    this.#block = new Uint8Array(row * Math.min(layout.height, Math.max(1, Math.floor(BLOCK / row))));
  }

  /** Bytes of a pixel. */
  get #unit(): number {
    return (this.#layout.channels * this.#layout.depth) / 8;
  }

  async write(rows: Pixels): Promise<void> {
    const { width, channels, depth } = this.#layout;
    requireRowsOf(this.#layout, rows, this.#top);
    const data = await this.#begun();
    const { data: samples } = toDepth(rows, depth);
    for (let y = 0; y < rows.height; y++) {
      this.#fill(samples, y * width * channels);
      const filter = this.#options.filters === false ? 0 : chooseFilter(this.#row, this.#above, this.#unit);
      filterRow(filter, this.#row, this.#above, this.#unit, this.#block, this.#filled);
      this.#filled += this.#row.length + 1;
      [this.#row, this.#above] = [this.#above, this.#row];
      if (this.#filled === this.#block.length) await this.#flush(data);
    }
    this.#top += rows.height;
  }

  async end(): Promise<void> {
    requireRows(this.#top, this.#layout);
    const data = await this.#begun();
    await this.#flush(data);
    await data.end();
    await this.#out.write(pngChunk("IEND"));
    await this.#out.close();
  }

  async abort(): Promise<void> {
    await this.#out.abort();
  }

  /** Takes a row's samples, most significant byte first. */
  #fill(samples: Pixels["data"], from: number): void {
    const row = this.#row;
    if (this.#layout.depth === 8) {
      row.set(samples.subarray(from, from + row.length));
      return;
    }
    for (let at = 0; at < row.length; from++) {
      const sample = samples[from] as number;
      row[at++] = sample >> 8;
      row[at++] = sample;
    }
  }

  async #flush(data: Deflater): Promise<void> {
    if (this.#filled === 0) return;
    const full = this.#block.subarray(0, this.#filled);
    this.#block = new Uint8Array(this.#block.length);
    this.#filled = 0;
    await data.write(full);
  }

  async #begun(): Promise<Deflater> {
    if (this.#data) return this.#data;
    const data = this.#createDeflater((bytes) => this.#out.write(pngChunk("IDAT", bytes)));
    this.#data = data;
    await this.#out.write(await header(this.#layout, this.#options, this.#createDeflater));
    return data;
  }
}

/** Pixels per inch that a PNG's first chunks say, if they do. */
export function pngDensity(head: Uint8Array): number | undefined {
  for (const { type, data } of pngChunks(head)) {
    if (type === "IDAT") return undefined;
    if (type !== "pHYs" || data.length < 9) continue;
    const perMetre = new DataView(data.buffer, data.byteOffset).getUint32(0);
    return data[8] === METRES && perMetre > 0 ? perMetre * INCH : undefined;
  }
  return undefined;
}

/** All that stands before the pixels. */
async function header(
  { width, height, channels, depth }: PngLayout,
  { icc, colours, exif, density }: PngMetadata,
  create: CreateDeflater,
): Promise<Uint8Array<ArrayBuffer>> {
  const ihdr = new Uint8Array(13);
  const view = new DataView(ihdr.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  ihdr.set([depth, COLOUR_TYPES[channels] as number], 8);
  const parts = [PNG_SIGNATURE, pngChunk("IHDR", ihdr)];
  if (icc) parts.push(await profileChunk(icc, create));
  else if (colours) parts.push(new Uint8Array(colours));
  if (density !== undefined) {
    const physical = new DataView(new ArrayBuffer(9));
    const perMetre = Math.round(density / INCH);
    physical.setUint32(0, perMetre);
    physical.setUint32(4, perMetre);
    physical.setUint8(8, METRES);
    parts.push(pngChunk("pHYs", new Uint8Array(physical.buffer)));
  }
  if (exif) parts.push(pngChunk("eXIf", exif));
  return concatenated(parts);
}

/** An ICC profile as a chunk. */
export async function profileChunk(
  icc: Uint8Array,
  create: CreateDeflater = platformDeflater,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = new TextEncoder().encode("ICC profile\0\0");
  return pngChunk("iCCP", concatenated([name, await deflated(icc, create)]));
}
