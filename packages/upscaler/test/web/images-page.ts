/// <reference lib="dom" />
import { ImageError } from "../../../core/src/errors.js";
import type { Pixels } from "../../src/images/pixels.js";
import { blobSink, imageBitmapOf, imageDataOf, sourceOf, type WebImage } from "../../src/web/images.js";

/** Pixels as they travel between the page and the test. */
export interface Plain {
  readonly width: number;
  readonly height: number;
  readonly channels: Pixels["channels"];
  readonly samples: number[];
}

const plain = ({ width, height, channels, data }: Pixels): Plain => ({ width, height, channels, samples: [...data] });

/** What the page has for tests of images. */
const images = {
  blobSink,
  imageBitmapOf,
  imageDataOf,
  plain,
  sourceOf,
  /** All of an image, read in uneven bands. */
  async read(image: WebImage): Promise<Plain> {
    const source = await sourceOf(image);
    const bands: number[] = [];
    for (let top = 0; top < source.height; top += 5) {
      bands.push(...(await source.read(top, Math.min(5, source.height - top))).data);
    }
    await source.close?.();
    return { width: source.width, height: source.height, channels: source.channels, samples: bands };
  },
  async errorOf(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => "no error",
      (error: unknown) => (error instanceof ImageError ? error.message : `not ours: ${error}`),
    );
  },
};

export type Images = typeof images;

Object.assign(globalThis, { images });
