import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { ImageError } from "@slimsr/core/internal/errors.js";
import type { Sharp } from "sharp";
import { emptyPixels, type PixelLayout, type PixelSource, type Pixels } from "../images/pixels.js";
import { loadSharp, type Space } from "./sharp.js";
import { temporaryFolder } from "./temporary-folder.js";

/** What libvips writes before an image's pixels in its own format, which lie there as they are, rows from the top. */
const HEADER = 64;
const EXTENSION = "v";

/** What turns stored pixels upright, of EXIF's orientations 2 to 8; sharp mirrors before it turns. */
const UPRIGHT: readonly ((image: Sharp) => Sharp)[] = [
  (image) => image.flop(),
  (image) => image.rotate(180),
  (image) => image.flip(),
  (image) => image.rotate(270).flop(),
  (image) => image.rotate(90),
  (image) => image.rotate(90).flop(),
  (image) => image.rotate(270),
];

/**
 * Decodes into a file that is read band by band, so that memory holds what libvips needs to decode row after row.
 * @param image as its file has it, not turned @param space of the pixels @param orientation EXIF's, 1 to 8
 * @throws sharp's error, or the file system's
 */
export async function decodeToFile(image: Sharp, space: Space, orientation: number): Promise<PixelSource> {
  const folder = await temporaryFolder();
  try {
    const stored = join(folder, `stored.${EXTENSION}`);
    let path = stored;
    let info = await image.toColourspace(space).toFile(stored);
    const turn = UPRIGHT[orientation - 2];
    if (turn) {
      // Turned while it is decoded, all of it would lie in memory; a file's pages needn't.
      path = join(folder, `upright.${EXTENSION}`);
      const sharp = await loadSharp();
      const image = sharp(stored, { limitInputPixels: false, ignoreIcc: true });
      info = await turn(image).toColourspace(space).toFile(path);
      await rm(stored);
    }
    const layout: PixelLayout = {
      width: info.width,
      height: info.height,
      channels: info.channels as Pixels["channels"],
      depth: space.endsWith("16") ? 16 : 8,
    };
    const file = await open(path);
    // An open file outlives its name, and is gone however the process ends.
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    return new PixelFile(layout, file, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

class PixelFile implements PixelSource {
  readonly width: number;
  readonly height: number;
  readonly channels: Pixels["channels"];
  readonly depth: PixelLayout["depth"];
  readonly #file: FileHandle;
  readonly #folder: string;

  constructor({ width, height, channels, depth }: PixelLayout, file: FileHandle, folder: string) {
    this.width = width;
    this.height = height;
    this.channels = channels;
    this.depth = depth;
    this.#file = file;
    this.#folder = folder;
  }

  async read(top: number, rows: number): Promise<Pixels> {
    const pixels = emptyPixels({ width: this.width, height: rows, channels: this.channels, depth: this.depth });
    const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = pixels.data;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const start = HEADER + top * this.width * this.channels * BYTES_PER_ELEMENT;
    for (let at = 0; at < byteLength; ) {
      const { bytesRead } = await this.#file.read(bytes, at, byteLength - at, start + at);
      if (bytesRead === 0) throw new ImageError("a file of decoded pixels is shorter than the image");
      at += bytesRead;
    }
    return pixels;
  }

  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined);
  }
}
