import {
  cropPixels,
  depthOf,
  emptyPixels,
  type PixelSource,
  type Pixels,
  pastePixels,
  sourceInMemory,
} from "../images/pixels.js";
import type { Tile } from "../tiling/tiles.js";

/** A part of an enlarged image, at its place there. */
export interface EnlargedTile {
  readonly x: number;
  readonly y: number;
  readonly pixels: Pixels;
  /** Time that the engine took for it. */
  readonly milliseconds: number;
}

/** Inputs of tiles that come row by row: those of a row share a band of the image, which is read once. */
export class TileReader {
  #band: { readonly top: number; readonly pixels: Pixels } | undefined;

  constructor(private readonly source: PixelSource) {}

  async read({ input }: Tile): Promise<Pixels> {
    const rows = Math.min(input.height, this.source.height - input.y);
    if (this.#band?.top !== input.y || this.#band.pixels.height !== rows) {
      this.#band = { top: input.y, pixels: await this.source.read(input.y, rows) };
    }
    return cropPixels(this.#band.pixels, { ...input, y: 0 });
  }
}

/** Rows of tiles put together: an image's bands from the top. */
export async function* bandsOf(
  tiles: AsyncIterable<Omit<EnlargedTile, "milliseconds">>,
  width: number,
): AsyncGenerator<Pixels> {
  let band: Pixels | undefined;
  for await (const { x, pixels } of tiles) {
    if (pixels.width === width) {
      yield pixels;
      continue;
    }
    if (x === 0) band = emptyPixels({ ...pixels, width, depth: depthOf(pixels) });
    pastePixels(band as Pixels, x, 0, pixels, { ...pixels, x: 0, y: 0 });
    if (x + pixels.width === width) yield band as Pixels;
  }
}

/** An image's bands in memory, to be read as one image. */
export async function gathered(bands: AsyncIterable<Pixels>, height: number): Promise<Pixels> {
  let whole: Pixels | undefined;
  let y = 0;
  for await (const band of bands) {
    if (band.height === height) return band;
    whole ??= emptyPixels({ ...band, height, depth: depthOf(band) });
    pastePixels(whole, 0, y, band, { ...band, x: 0, y: 0 });
    y += band.height;
  }
  return whole as Pixels;
}

/** Puts an image's bands down, to be read again from the top. */
export type Spool = (bands: AsyncIterable<Pixels>, height: number) => Promise<PixelSource>;

/** In memory. */
export const spooled: Spool = async (bands, height) => sourceInMemory(await gathered(bands, height));
