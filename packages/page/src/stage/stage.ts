import type { Layer } from "../layers/layer.js";
import type { Rectangle, Size } from "../messages/calls.js";
import { centred, confined, fit, type Point, panned, shown, type View, zoomed } from "./view.js";

/** Two pictures of one image over each other, the left one cut off at the divider. */
export class Stage {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #image: Size | undefined;
  #left: Layer | undefined;
  #right: Layer | undefined;
  #view: View = { scale: 1, x: 0, y: 0 };
  #isFitted = true;
  /** Share of the stage's width that is left of the divider. */
  #divider = 0.5;
  #isDue = false;
  readonly #followers: (() => void)[] = [];

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d") as CanvasRenderingContext2D;
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  get size(): Size {
    return { width: this.#canvas.clientWidth, height: this.#canvas.clientHeight };
  }

  /** CSS pixels for a pixel of the enlarged image. */
  get scale(): number {
    return this.#view.scale;
  }

  get divider(): number {
    return this.#divider;
  }

  set divider(share: number) {
    this.#divider = Math.min(1, Math.max(0, share));
    this.changed();
  }

  /** Where the image ends on the stage, in CSS pixels. */
  get place(): Rectangle | undefined {
    if (!this.#image) return undefined;
    const { scale, x, y } = this.#view;
    return { x, y, width: this.#image.width * scale, height: this.#image.height * scale };
  }

  /** Shows an image; one of another size is fitted to the stage. @param image size of the enlarged one */
  show(image: Size | undefined, left?: Layer, right?: Layer): void {
    const isOther = image?.width !== this.#image?.width || image?.height !== this.#image?.height;
    this.#image = image;
    this.#left = left;
    this.#right = right;
    if (isOther) this.fit();
    this.changed();
  }

  fit(): void {
    this.#isFitted = true;
    if (this.#image) this.#view = fit(this.size, this.#image);
    this.changed();
  }

  /** A pixel of the image for one of the screen. */
  actualSize(): void {
    if (!this.#image) return;
    this.#isFitted = false;
    this.#view = confined(centred(this.size, this.#image, 1 / devicePixelRatio), this.size, this.#image);
    this.changed();
  }

  zoom(factor: number, at: Point = { x: this.size.width / 2, y: this.size.height / 2 }): void {
    if (!this.#image) return;
    this.#isFitted = false;
    this.#view = zoomed(this.#view, factor, at, this.size, this.#image);
    this.changed();
  }

  pan(by: Point): void {
    if (!this.#image) return;
    this.#view = panned(this.#view, by, this.size, this.#image);
    this.changed();
  }

  /** Told whenever it is drawn. */
  follow(follower: () => void): void {
    this.#followers.push(follower);
  }

  /** Draws with the next frame of the screen. */
  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
      for (const follow of this.#followers) follow();
    });
  }

  #resize(): void {
    const { width, height } = this.size;
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    if (this.#isFitted) this.fit();
    else if (this.#image) this.#view = confined(this.#view, this.size, this.#image);
    this.changed();
  }

  #draw(): void {
    const { width, height } = this.#canvas;
    this.#context.clearRect(0, 0, width, height);
    if (!this.#image) return;
    const { scale, x, y } = this.#view;
    const ratio = devicePixelRatio;
    const place = {
      x: Math.round(x * ratio),
      y: Math.round(y * ratio),
      width: Math.round(this.#image.width * scale * ratio),
      height: Math.round(this.#image.height * scale * ratio),
    };
    const seen = shown(this.#view, this.size, this.#image);
    const part = {
      x: seen.x / this.#image.width,
      y: seen.y / this.#image.height,
      width: seen.width / this.#image.width,
      height: seen.height / this.#image.height,
    };
    const divider = Math.round(this.#divider * width);
    this.#cut(this.#right, divider, width, place, part);
    this.#cut(this.#left, 0, divider, place, part);
  }

  #cut(layer: Layer | undefined, from: number, to: number, place: Rectangle, part: Rectangle): void {
    const context = this.#context;
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, this.#canvas.height);
    context.clip();
    layer?.draw(context, place, part);
    context.restore();
  }
}
