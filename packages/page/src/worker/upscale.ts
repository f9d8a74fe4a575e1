import { imageBitmapOf } from "@slimsr/upscaler/internal/web/images.js";
import type { Calls } from "../messages/calls.js";
import type { CurrentImage } from "./images.js";
import type { CurrentNetwork } from "./networks.js";
import type { Context } from "./serve.js";

/** Enlarges an image; tiles are told of as they are done. */
export async function upscale(
  { network, quality, image }: Calls["upscale"]["request"],
  { signal, tell }: Context<Calls["upscale"]["event"]>,
  { images, networks }: { images: CurrentImage; networks: CurrentNetwork },
): Promise<Calls["upscale"]["result"]> {
  const { source, shownBy } = await images.get(image);
  const { upscaler, engine } = await networks.get(network, quality, source);
  const notes: string[] = [];
  let progress = { done: 0, total: 0 };
  let milliseconds = 0;
  const options = {
    ...{ quality, signal },
    onNote: (note: string) => notes.push(note),
    onProgress: (now: typeof progress) => {
      progress = now;
    },
  };
  for await (const { x, y, pixels, milliseconds: took } of upscaler.tiles(source, options)) {
    milliseconds += took;
    const { width, height, channels, data } = pixels;
    const bitmap = await imageBitmapOf(pixels, shownBy);
    const depth = source.depth === 16 ? 16 : 8;
    const tile = {
      x,
      y,
      width,
      height,
      channels,
      depth,
      samples: new Blob([data as Uint8Array<ArrayBuffer>]),
    } as const;
    tell({ tile, bitmap, ...progress }, [bitmap]);
  }
  return { milliseconds, engine: engine(), notes };
}
