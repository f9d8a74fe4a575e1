import { cropPixels, emptyPixels, type Pixels, pastePixels } from "@slimsr/upscaler/internal/images/pixels.js";
import { bicubicPart, resizedBands } from "@slimsr/upscaler/internal/images/resize.js";
import { bandsOf } from "@slimsr/upscaler/internal/upscaling/bands.js";
import { planSize } from "@slimsr/upscaler/internal/upscaling/output-size.js";
import { storedSamples } from "@slimsr/upscaler/internal/web/blob-pixels.js";
import { blobSink, imageBitmapOf } from "@slimsr/upscaler/internal/web/images.js";
import type { Calls, PartRequest, Rectangle, StoredTile } from "../messages/calls.js";
import type { CurrentImage } from "./images.js";
import type { CurrentNetwork } from "./networks.js";
import type { Context } from "./serve.js";

/** A part of what is shown, as a bitmap. */
export async function partOf(request: PartRequest, images: CurrentImage): Promise<ImageBitmap> {
  const { part } = request;
  if (request.of === "result") return imageBitmapOf(await storedPart(request.tiles, part), request.shownBy);
  const { source, shownBy } = await images.get(request.image);
  if (request.of === "bicubic") return imageBitmapOf(await bicubicPart(source, request.scale, part), shownBy);
  const rows = await source.read(part.y, part.height);
  return imageBitmapOf(cropPixels(rows, { ...part, y: 0 }), shownBy);
}

/** A tile's rows, from where they are kept. */
async function rowsOf({ width, channels, depth, samples }: StoredTile, top: number, rows: number): Promise<Pixels> {
  const row = width * channels;
  const data = await storedSamples(samples, depth, top * row, (top + rows) * row);
  return { data, width, height: rows, channels };
}

/** @param tiles those that have some of the part */
async function storedPart(tiles: readonly StoredTile[], part: Rectangle): Promise<Pixels> {
  const { channels = 3, depth = 8 } = tiles[0] ?? {};
  const target = emptyPixels({ ...part, channels, depth });
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

/** A PNG of tiles that come row by row; of more pixels than they have, of what the network makes of its own output. */
export async function pngOf(
  { network, quality, file, image, scale, tiles, output }: Calls["png"]["request"],
  { signal, tell }: Context<Calls["png"]["event"]>,
  { images, networks }: { images: CurrentImage; networks: CurrentNetwork },
): Promise<Blob> {
  const { passes, size } = planSize(image, scale, output);
  const { source, colours, exif } = await images.get(file);
  if (passes > 1) {
    const { upscaler } = await networks.get(network, quality, image);
    const work = await upscaler.workOf(image, { quality, ...output });
    const total = work.passes.reduce((sum, { tiles }) => sum + tiles, 0);
    const onProgress = ({ done }: { done: number }) => tell({ share: Math.min(1, done / total) });
    return upscaler.upscale(source, { ...output, quality, signal, onProgress, png: { colours, exif } });
  }
  const made = { width: image.width * scale, height: image.height * scale };
  const { channels = 3, depth = 8 } = tiles[0] ?? {};
  const sink = blobSink({ ...size, channels, depth }, { colours, exif });
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
