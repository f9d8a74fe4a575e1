import { bitmapOf } from "@slimsr/upscaler/internal/web/images.js";
import { type StoredImage, storedImage } from "@slimsr/upscaler/internal/web/stored-image.js";
import type { ImageFile, OpenedImage } from "../messages/calls.js";

/** Pixels of what stands for an image where all of it is shown. */
const OVERVIEW_PIXELS = 2 ** 21;

/** The image that was asked for last, decoded. */
export class CurrentImage {
  #key = "";
  #opening: Promise<StoredImage> | undefined;

  async open(image: ImageFile): Promise<OpenedImage> {
    const { source, bitmap, shownBy, note } = await this.get(image);
    const { width, height } = source;
    const reduction = Math.min(1, Math.sqrt(OVERVIEW_PIXELS / (width * height)));
    const shown = bitmap ?? (await bitmapOf(image.blob));
    const overview = await createImageBitmap(shown, {
      resizeWidth: Math.max(1, Math.round(width * reduction)),
      resizeHeight: Math.max(1, Math.round(height * reduction)),
      resizeQuality: "high",
    });
    if (shown !== bitmap) shown.close();
    return { width, height, shownBy, note, overview };
  }

  async get(image: ImageFile): Promise<StoredImage> {
    if (image.key !== this.#key || !this.#opening) {
      const before = this.#opening;
      this.#key = image.key;
      this.#opening = storedImage(image.blob);
      before?.then(({ source }) => source.close?.()).catch(() => undefined);
    }
    return this.#opening;
  }
}
