import sharp from "sharp";
import { onTestFinished } from "vitest";
import { type Pixels, rowsOf } from "../../src/images/pixels.js";
import { imageSink, type WriteOptions } from "../../src/node/image-sink.js";
import { type OpenOptions, openImage as openForGood } from "../../src/node/open-image.js";

/** Closed when the test ends. */
export const openImage: typeof openForGood = async (source, options) => {
  const opened = await openForGood(source, options);
  onTestFinished(() => opened.close());
  return opened;
};

/** libvips' pipeline for pixels, as they are. */
export const pipeline = ({ data, width, height, channels }: Pixels) =>
  sharp(data as Uint8Array, { raw: { width, height, channels } }).toColourspace(
    data instanceof Uint16Array ? (channels < 3 ? "grey16" : "rgb16") : channels < 3 ? "b-w" : "srgb",
  );

/** The first frame, read in uneven bands. */
export async function read(source: Parameters<typeof openImage>[0], options: OpenOptions = {}): Promise<Pixels> {
  const opened = await openImage(source, options);
  const [frame] = opened.frames;
  if (!frame) throw new Error("no frame");
  const bands: Pixels[] = [];
  for (let top = 0; top < frame.height; top += 13) {
    bands.push(await frame.read(top, Math.min(13, frame.height - top)));
  }
  const { width, height, channels } = frame;
  const samples = bands.flatMap(({ data }) => [...data]);
  const data = frame.depth === 16 ? Uint16Array.from(samples) : Uint8Array.from(samples);
  return { data, width, height, channels };
}

/** Samples as they lie in memory. */
export const bytesOf = (pixels: Pixels) =>
  Buffer.from(pixels.data.buffer, pixels.data.byteOffset, pixels.data.byteLength);

/** Written in uneven bands. */
export async function write(path: string, pixels: Pixels, options: WriteOptions = {}): Promise<string> {
  const depth = pixels.data instanceof Uint16Array ? 16 : 8;
  const height = pixels.height / (options.animation?.delays.length ?? 1);
  const sink = await imageSink(path, { ...pixels, height, depth }, options);
  for (let top = 0; top < pixels.height; top += 11) {
    await sink.write(rowsOf(pixels, top, Math.min(11, pixels.height - top)));
  }
  await sink.end();
  return path;
}
