import type { Rectangle, Size } from "../messages/calls.js";
import { cellsOf } from "./cells.js";
import type { Layer } from "./layer.js";

export interface CellLayerOptions {
  /** What is shown where nothing finer is there. */
  readonly base: Layer;
  /** Pixels of `base`, for all of the image. */
  readonly baseWidth: number;
  /** A part of the image at its own resolution. */
  readonly fetch: (part: Rectangle) => Promise<ImageBitmap>;
  /** Told when a part has come. */
  readonly changed: () => void;
  /** Whether pixels that are larger than the screen's are blended. */
  readonly isSmooth: boolean;
}

/** Cells that are held at once: 48 MiB of the graphics processor's memory at most. */
const HELD = 48;

/** An image of any size: cells of it are fetched where the screen shows more than its reduction has. */
export class CellLayer implements Layer {
  readonly #cells = new Map<string, ImageBitmap | "coming">();

  constructor(
    private readonly size: Size,
    private readonly options: CellLayerOptions,
  ) {}

  draw(context: CanvasRenderingContext2D, place: Rectangle, part: Rectangle): void {
    const { base, baseWidth, isSmooth } = this.options;
    base.draw(context, place, part);
    if (place.width <= baseWidth || baseWidth >= this.size.width) return;
    const { width, height } = this.size;
    const own = { x: part.x * width, y: part.y * height, width: part.width * width, height: part.height * height };
    context.imageSmoothingEnabled = isSmooth || place.width < width;
    context.imageSmoothingQuality = "low";
    const cells = cellsOf(this.size, own);
    // What doesn't fit would push out what was just fetched, for ever.
    if (cells.length > HELD) return;
    for (const cell of cells) {
      const bitmap = this.#get(cell);
      if (bitmap) drawPart(context, bitmap, cell, this.size, place);
    }
  }

  close(): void {
    for (const bitmap of this.#cells.values()) if (bitmap !== "coming") bitmap.close();
    this.#cells.clear();
  }

  #get(cell: Rectangle): ImageBitmap | undefined {
    const key = `${cell.x} ${cell.y}`;
    const found = this.#cells.get(key);
    if (found === "coming") return undefined;
    if (found) {
      // The one that was used last comes last.
      this.#cells.delete(key);
      this.#cells.set(key, found);
      return found;
    }
    this.#cells.set(key, "coming");
    this.options.fetch(cell).then(
      (bitmap) => {
        this.#cells.set(key, bitmap);
        this.#drop();
        this.options.changed();
      },
      // It is asked for again when it is drawn again.
      () => this.#cells.delete(key),
    );
    return undefined;
  }

  #drop(): void {
    for (const [key, bitmap] of this.#cells) {
      if (this.#cells.size <= HELD) return;
      if (bitmap === "coming") continue;
      bitmap.close();
      this.#cells.delete(key);
    }
  }
}

/** Draws a part of an image to whole pixels, so that neighbours have no seam. */
export function drawPart(
  context: CanvasRenderingContext2D,
  bitmap: CanvasImageSource,
  part: Rectangle,
  size: Size,
  place: Rectangle,
): void {
  const across = (x: number) => Math.round(place.x + (x / size.width) * place.width);
  const down = (y: number) => Math.round(place.y + (y / size.height) * place.height);
  const [left, top] = [across(part.x), down(part.y)];
  context.drawImage(bitmap, left, top, across(part.x + part.width) - left, down(part.y + part.height) - top);
}
