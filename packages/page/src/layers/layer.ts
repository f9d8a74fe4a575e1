import type { Rectangle, Size } from "../messages/calls.js";

/** A picture of the image on the stage. */
export interface Layer {
  /**
   * @param context in device pixels, cut to what is to be drawn @param place of the whole image
   * @param part of the image that is seen, in shares of its width and height
   */
  draw(context: CanvasRenderingContext2D, place: Rectangle, part: Rectangle): void;
}

/** A bitmap that is shown as it is. */
export class BitmapLayer implements Layer {
  constructor(
    private readonly bitmap: CanvasImageSource & Size,
    private readonly isSmooth = true,
  ) {}

  draw(context: CanvasRenderingContext2D, { x, y, width, height }: Rectangle): void {
    context.imageSmoothingEnabled = this.isSmooth || width < this.bitmap.width;
    // Browsers without a graphics processor take long for better ones.
    context.imageSmoothingQuality = width < this.bitmap.width / 2 ? "medium" : "low";
    context.drawImage(this.bitmap, x, y, width, height);
  }
}
