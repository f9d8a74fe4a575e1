import type { Rectangle, Size, StoredTile } from "../messages/calls.js";
import { CellLayer, drawPart } from "./cell-layer.js";
import { overlaps } from "./cells.js";
import { BitmapLayer, type Layer } from "./layer.js";

/** Pixels of the canvas that has the whole result; larger ones are reduced to it. iOS has room for 16.7 million. */
const OVERVIEW_PIXELS = 2 ** 22;

export interface ResultLayerOptions {
  /** What is shown where there are no tiles yet. */
  readonly under: Layer;
  readonly fetch: (tiles: readonly StoredTile[], part: Rectangle) => Promise<ImageBitmap>;
  readonly changed: () => void;
}

/** What the network makes of an image, tile by tile. */
export class ResultLayer implements Layer {
  /** As they came: row by row. */
  readonly tiles: StoredTile[] = [];
  readonly #overview: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #base: BitmapLayer;
  readonly #fine: CellLayer;
  isWhole = false;

  constructor(
    readonly size: Size,
    private readonly options: ResultLayerOptions,
  ) {
    const reduction = Math.min(1, Math.sqrt(OVERVIEW_PIXELS / (size.width * size.height)));
    this.#overview = document.createElement("canvas");
    this.#overview.width = Math.max(1, Math.round(size.width * reduction));
    this.#overview.height = Math.max(1, Math.round(size.height * reduction));
    this.#context = this.#overview.getContext("2d") as CanvasRenderingContext2D;
    this.#base = new BitmapLayer(this.#overview);
    const whole = { x: 0, y: 0, width: this.#overview.width, height: this.#overview.height };
    options.under.draw(this.#context, whole, { x: 0, y: 0, width: 1, height: 1 });
    this.#fine = new CellLayer(size, {
      base: this.#base,
      baseWidth: this.#overview.width,
      fetch: (part) =>
        options.fetch(
          this.tiles.filter((tile) => overlaps(tile, part)),
          part,
        ),
      changed: options.changed,
      isSmooth: true,
    });
  }

  /** Takes the bitmap. */
  add(tile: StoredTile, bitmap: ImageBitmap): void {
    this.tiles.push(tile);
    const whole = { x: 0, y: 0, width: this.#overview.width, height: this.#overview.height };
    drawPart(this.#context, bitmap, tile, this.size, whole);
    bitmap.close();
    this.options.changed();
  }

  draw(context: CanvasRenderingContext2D, place: Rectangle, part: Rectangle): void {
    if (this.isWhole) this.#fine.draw(context, place, part);
    else this.#base.draw(context, place);
  }

  close(): void {
    this.#fine.close();
    this.#overview.width = 0;
  }
}
