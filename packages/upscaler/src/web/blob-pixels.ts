import { type Depth, depthOf, emptyPixels, type PixelSource, type Pixels, requireRows } from "../images/pixels.js";

/** Samples of a kind that lie in a Blob: those from `from` up to `to`. */
export async function storedSamples(blob: Blob, depth: Depth, from: number, to: number): Promise<Pixels["data"]> {
  const bytes = depth === 8 ? 1 : depth === 16 ? 2 : 4;
  const buffer = await blob.slice(from * bytes, to * bytes).arrayBuffer();
  return depth === 8 ? new Uint8Array(buffer) : depth === 16 ? new Uint16Array(buffer) : new Float32Array(buffer);
}

/**
 * An image's bands, put down in Blobs, which browsers keep on the disk if need be, and read again from there.
 * @throws ImageError where they end before the last row
 */
export async function spooledInBlobs(bands: AsyncIterable<Pixels>, height: number): Promise<PixelSource> {
  const parts: { readonly top: number; readonly end: number; readonly samples: Blob }[] = [];
  let first: Omit<Pixels, "data" | "height"> & { readonly depth: Depth } = { width: 1, channels: 1, depth: 8 };
  let top = 0;
  for await (const band of bands) {
    first = { width: band.width, channels: band.channels, depth: depthOf(band) };
    const end = top + band.height;
    parts.push({ top, end, samples: new Blob([band.data as Uint8Array<ArrayBuffer>]) });
    top = end;
  }
  requireRows(top, { ...first, height });
  const row = first.width * first.channels;
  return {
    ...first,
    height,
    async read(from, rows) {
      const target = emptyPixels({ ...first, height: rows });
      for (const { top, end, samples } of parts) {
        const [start, stop] = [Math.max(top, from), Math.min(end, from + rows)];
        if (start >= stop) continue;
        const stored = await storedSamples(samples, first.depth, (start - top) * row, (stop - top) * row);
        target.data.set(stored, (start - from) * row);
      }
      return target;
    },
  };
}
