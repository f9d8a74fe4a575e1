import { UsageError } from "@slimsr/core/internal/errors.js";
import { emptyPixels, type Pixels, pastePixels } from "@slimsr/upscaler/internal/images/pixels.js";
import { bicubicPart, resizedBands } from "@slimsr/upscaler/internal/images/resize.js";
import { bandsOf } from "@slimsr/upscaler/internal/upscaling/bands.js";
import { planSize } from "@slimsr/upscaler/internal/upscaling/output-size.js";
import { blobSink, imageBitmapOf } from "@slimsr/upscaler/internal/web/images.js";
import type { Calls, PartRequest, Rectangle, StoredTile } from "../messages/calls.js";
import type { CurrentImage } from "./images.js";
import type { Context } from "./serve.js";

/** A part of what is shown, as a bitmap. */
export async function partOf(request: PartRequest, images: CurrentImage): Promise<ImageBitmap> {
  const { part } = request;
  switch (request.of) {
    case "original": {
      const source = await images.source(request.image);
      const rows = await source.read(part.y, part.height);
      return imageBitmapOf(cropped(rows, { ...part, y: 0 }));
    }
    case "bicubic":
      return imageBitmapOf(await bicubicPart(await images.source(request.image), request.scale, part));
    case "result":
      return imageBitmapOf(await storedPart(request.tiles, part));
  }
}

function cropped(pixels: Pixels, part: Rectangle): Pixels {
  const target = emptyPixels({ ...part, channels: pixels.channels, depth: 8 });
  pastePixels(target, 0, 0, pixels, part);
  return target;
}

/** A tile's rows, from where they are kept. */
async function rowsOf({ width, channels, samples }: StoredTile, top: number, rows: number): Promise<Pixels> {
  const row = width * channels;
  const data = new Uint8Array(await samples.slice(top * row, (top + rows) * row).arrayBuffer());
  return { data, width, height: rows, channels };
}

/** @param tiles those that have some of the part */
async function storedPart(tiles: readonly StoredTile[], part: Rectangle): Promise<Pixels> {
  const [first] = tiles;
  const target = emptyPixels({ ...part, channels: first?.channels ?? 3, depth: 8 });
  for (const tile of tiles) {
    const [left, top] = [Math.max(tile.x, part.x), Math.max(tile.y, part.y)];
    const width = Math.min(tile.x + tile.width, part.x + part.width) - left;
    const height = Math.min(tile.y + tile.height, part.y + part.height) - top;
    if (width <= 0 || height <= 0) continue;
    const rows = await rowsOf(tile, top - tile.y, height);
    pastePixels(target, left - part.x, top - part.y, rows, { x: left - tile.x, y: 0, width, height });
  }
  return target;
}

/** A PNG of tiles that come row by row. @throws UsageError where it is to be larger than they are */
export async function pngOf(
  { tiles, image, scale, output }: Calls["png"]["request"],
  { signal, tell }: Context<Calls["png"]["event"]>,
): Promise<Blob> {
  const { size } = planSize(image, scale, output);
  const made = { width: image.width * scale, height: image.height * scale };
  if (size.width > made.width || size.height > made.height) {
    throw new UsageError(
      `the result has ${made.width}×${made.height} pixels, and can be saved with as many or fewer, not with ${size.width}×${size.height}`,
    );
  }
  const channels = tiles[0]?.channels ?? 3;
  const sink = blobSink({ ...size, channels, depth: 8 });
  async function* read() {
    for (const tile of tiles) yield { ...tile, pixels: await rowsOf(tile, 0, tile.height) };
  }
  const bands = bandsOf(read(), made.width);
  const isWhole = size.width === made.width && size.height === made.height;
  let rows = 0;
  for await (const band of isWhole ? bands : resizedBands(bands, made, size)) {
    signal.throwIfAborted();
    await sink.write(band);
    rows += band.height;
    tell({ share: rows / size.height });
  }
  await sink.end();
  return sink.blob();
}
