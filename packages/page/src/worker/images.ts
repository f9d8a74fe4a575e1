import type { PixelSource } from "@slimsr/upscaler/internal/images/pixels.js";
import { bitmapOf, sourceOf } from "@slimsr/upscaler/internal/web/images.js";
import type { ImageFile, OpenedImage } from "../messages/calls.js";

/** Pixels of what stands for an image where all of it is shown. */
const OVERVIEW_PIXELS = 2 ** 21;

/** The image that was asked for last, decoded. */
export class CurrentImage {
  #key = "";
  #opening: Promise<{ source: PixelSource; bitmap: ImageBitmap }> | undefined;

  async source(image: ImageFile): Promise<PixelSource> {
    return (await this.#get(image)).source;
  }

  async open(image: ImageFile): Promise<OpenedImage> {
    const { source, bitmap } = await this.#get(image);
    const { width, height, channels } = source;
    const reduction = Math.min(1, Math.sqrt(OVERVIEW_PIXELS / (width * height)));
    const overview = await createImageBitmap(bitmap, {
      resizeWidth: Math.max(1, Math.round(width * reduction)),
      resizeHeight: Math.max(1, Math.round(height * reduction)),
      resizeQuality: "high",
    });
    return { width, height, channels, overview };
  }

  async #get(image: ImageFile) {
    if (image.key !== this.#key || !this.#opening) {
      const before = this.#opening;
      this.#key = image.key;
      this.#opening = opened(image.blob);
      before?.then(({ bitmap }) => bitmap.close()).catch(() => undefined);
    }
    return this.#opening;
  }
}

async function opened(blob: Blob) {
  const bitmap = await bitmapOf(blob);
  return { bitmap, source: await sourceOf(bitmap) };
}
