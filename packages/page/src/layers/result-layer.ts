import type { Rectangle, Size, StoredTile } from "../messages/calls.js";
import { CellLayer, drawPart } from "./cell-layer.js";
import { overlaps } from "./cells.js";
import { BitmapLayer, type Layer } from "./layer.js";

/** Pixels of the canvas that has the whole result; larger ones are reduced to it. iOS has room for 16.7 million. */
const OVERVIEW_PIXELS = 2 ** 22;
/** Milliseconds for which a tile that has come is framed. */
const FRAMED = 500;

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
  readonly #fine: CellLayer;
  #arrivals: { readonly tile: Rectangle; readonly time: number }[] = [];
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
    this.#fine = new CellLayer(size, {
      base: new BitmapLayer(this.#overview),
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
    this.#arrivals.push({ tile, time: performance.now() });
    this.options.changed();
  }

  draw(context: CanvasRenderingContext2D, place: Rectangle, part: Rectangle): void {
    if (this.isWhole) this.#fine.draw(context, place, part);
    else {
      this.options.under.draw(context, place, part);
      new BitmapLayer(this.#overview).draw(context, place);
    }
    this.#frame(context, place);
  }

  close(): void {
    this.#fine.close();
    this.#overview.width = 0;
  }

  /** Shows where the network has been. */
  #frame(context: CanvasRenderingContext2D, place: Rectangle): void {
    const now = performance.now();
    this.#arrivals = this.#arrivals.filter(({ time }) => now - time < FRAMED);
    for (const { tile, time } of this.#arrivals) {
      const across = place.width / this.size.width;
      const down = place.height / this.size.height;
      context.strokeStyle = `rgb(255 255 255 / ${0.9 * (1 - (now - time) / FRAMED)})`;
      context.lineWidth = 2 * devicePixelRatio;
      context.strokeRect(place.x + tile.x * across, place.y + tile.y * down, tile.width * across, tile.height * down);
    }
    if (this.#arrivals.length > 0) this.options.changed();
  }
}
