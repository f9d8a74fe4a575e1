import { stat } from "node:fs/promises";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { loadSharp } from "@slimsr/upscaler/internal/node/sharp.js";
import { type Input, isVideo, STANDARD } from "./inputs.js";
import { probe } from "./video/probe.js";

/** How much work a file is. */
export interface Extent {
  /** Of a picture; undefined where its file's beginning doesn't say, as of files that are damaged. */
  readonly size?: Size | undefined;
  /** Of all its pictures, about. */
  readonly pixels: number;
}

/** What a file's beginning tells, without decoding it. @param bytes of an input that is no file */
export async function extentOf({ path }: Input, bytes?: Uint8Array): Promise<Extent> {
  try {
    if (isVideo(path)) {
      const { width, height, frames } = await probe(path);
      return { size: { width, height }, pixels: width * height * frames };
    }
    const sharp = await loadSharp();
    const { width, height, pages = 1 } = await sharp(bytes ?? path, { limitInputPixels: false }).metadata();
    return { size: { width, height }, pixels: width * height * pages };
  } catch {
    // A bitmap, or a file that working on it will complain of.
    const length = bytes?.length ?? (path === STANDARD ? 0 : (await stat(path)).size);
    return { pixels: Math.ceil(length / 3) };
  }
}
