import type { WorkerClient } from "../client/worker-client.js";
import { CellLayer } from "../layers/cell-layer.js";
import { BitmapLayer, type Layer } from "../layers/layer.js";
import { ResultLayer } from "../layers/result-layer.js";
import type { DeviceChoice, ImageFile, ModelFile, OpenedImage, Rectangle, Size } from "../messages/calls.js";
import type { Divider } from "../stage/divider.js";
import type { Stage } from "../stage/stage.js";
import { INITIAL, type Left, type ShownImage, type State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";

/** Pixels of an enlarged image up to which results of other qualities are kept. */
const KEPT_PIXELS = 2 ** 24;

/** What an image was. */
interface Originals {
  readonly original: CellLayer;
  readonly base: BitmapLayer;
  /** Enlarged as much as the model does. */
  bicubic: { readonly scale: number; readonly layer: CellLayer } | undefined;
}

/** What the page is about: an image, enlarged by a model at a quality, beside what it was. */
export class Upscaling {
  #abort: AbortController | undefined;
  #results = new Map<number, ResultLayer>();
  #originals: Originals | undefined;
  #count = 0;

  constructor(
    private readonly store: Store<State>,
    private readonly stage: Stage,
    private readonly divider: Divider,
    private readonly worker: WorkerClient,
    /** Shows which tile has come. */
    private readonly mark: (tile: Rectangle) => void,
  ) {}

  /** The result that is shown. */
  get result(): ResultLayer | undefined {
    return this.#results.get(this.store.state.quality);
  }

  /** Opens an image and enlarges it. */
  async open(blob: Blob, name: string): Promise<void> {
    const signal = this.#begin();
    this.store.update({ work: { kind: "opening" }, message: undefined });
    const file: ImageFile = { key: `image ${this.#count++}`, blob };
    await this.#telling(signal, async () => {
      const opened = await this.worker.call("open", { image: file }, { signal });
      this.#showOriginal(file, opened);
      const { overview: _, ...about } = opened;
      this.store.update({ image: { name, file, ...about } });
      await this.#upscale(signal);
    });
  }

  async setQuality(quality: number): Promise<void> {
    this.store.update({ quality });
    await this.#again();
  }

  async setDevice(device: DeviceChoice): Promise<void> {
    this.store.update({ device });
    await this.#anew();
  }

  /** @param model one that ships, or a file, which is listed from then on once it was read */
  async setModel(model: ModelFile): Promise<void> {
    const { model: before, info, quality, models } = this.store.state;
    const isKnown = models.some(({ key }) => key === model.key);
    this.store.update({ model, models: isKnown ? models : [...models, model] });
    if (await this.#anew()) return;
    // What can't be read is no model to go on with.
    const left = isKnown ? models : models.filter(({ key }) => key !== model.key);
    this.store.update({ model: before, info, quality, models: left });
  }

  setLeft(left: Left): void {
    this.store.update({ left });
    this.#show();
  }

  cancel(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.store.update({ work: INITIAL.work });
  }

  /** Puts the image away. */
  clear(): void {
    this.cancel();
    this.#putAway();
    this.stage.show(undefined);
  }

  #putAway(): void {
    this.#forget();
    this.#originals?.original.close();
    this.#originals?.bicubic?.layer.close();
    this.#originals = undefined;
    this.store.update({ image: undefined, isWhole: false, figures: new Map(), measurements: [] });
  }

  /** Shows the results that there are, or makes what is missing. @returns whether it is there */
  async #again(): Promise<boolean> {
    if (!this.store.state.image) return true;
    const signal = this.#begin();
    this.store.update({ message: undefined });
    this.#show();
    if (this.result?.isWhole) {
      this.store.update({ work: INITIAL.work, isWhole: true });
      return true;
    }
    return this.#telling(signal, () => this.#upscale(signal));
  }

  async #anew(): Promise<boolean> {
    this.#forget();
    this.store.update({ figures: new Map(), engine: undefined, measurements: [] });
    return this.#again();
  }

  #begin(): AbortSignal {
    this.#abort?.abort();
    this.#abort = new AbortController();
    return this.#abort.signal;
  }

  /** @returns whether it was done */
  async #telling(signal: AbortSignal, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (signal.aborted || isAbort(error)) return true;
      this.store.update({ work: INITIAL.work, message: { kind: "error", text: messageOf(error) } });
      return false;
    }
  }

  async #upscale(signal: AbortSignal): Promise<void> {
    const { image, model, device } = this.store.state;
    if (!image) return;
    const network = { model, device };
    this.store.update({ work: { kind: "starting" }, isWhole: false });
    const wanted = model.source instanceof Blob ? undefined : this.store.state.quality;
    const { info, engine } = await this.worker.call("load", { network, quality: wanted, at: image }, { signal });
    signal.throwIfAborted();
    const { quality: asked } = this.store.state;
    const quality = info.qualities.includes(asked) ? asked : (info.qualities[0] as number);
    this.store.update({ info, engine, quality });
    const layer = this.#begun(quality, image, info.scale);
    const start = performance.now();
    const upscaled = await this.worker.call(
      "upscale",
      { network, quality, image: image.file },
      {
        signal,
        onEvent: ({ tile, bitmap, done, total }) => {
          if (layer.tiles.length === 0) this.divider.enter();
          layer.add(tile, bitmap);
          this.mark(tile);
          this.store.update({ work: { kind: "upscaling", done, total } });
        },
      },
    );
    layer.isWhole = true;
    this.stage.changed();
    const megapixels = (layer.size.width * layer.size.height) / 1e6;
    const { milliseconds } = upscaled;
    const notes = [...(image.note === undefined ? [] : [image.note]), ...upscaled.notes];
    const figures = new Map(this.store.state.figures);
    const elapsed = performance.now() - start;
    figures.set(quality, { milliseconds, rate: (1000 * megapixels) / milliseconds, elapsed });
    this.store.update({
      ...{ figures, engine: upscaled.engine, isWhole: true, work: INITIAL.work },
      message: notes.length > 0 ? { kind: "note", text: messageOf(notes.join("; ")) } : undefined,
    });
  }

  /** An empty result of a quality, shown. */
  #begun(quality: number, image: ShownImage, scale: number): ResultLayer {
    const size = { width: image.width * scale, height: image.height * scale };
    if (size.width * size.height > KEPT_PIXELS) this.#forget();
    this.#results.get(quality)?.close();
    const layer = new ResultLayer(size, {
      under: this.#originals?.base as Layer,
      fetch: (tiles, part) => this.worker.call("part", { of: "result", tiles, part, shownBy: image.shownBy }),
      changed: () => this.stage.changed(),
    });
    this.#results.set(quality, layer);
    this.#show();
    return layer;
  }

  #forget(): void {
    for (const result of this.#results.values()) result.close();
    this.#results = new Map();
  }

  #showOriginal(image: ImageFile, { overview, width, height }: OpenedImage): void {
    this.#putAway();
    const base = new BitmapLayer(overview);
    const original = new CellLayer(
      { width, height },
      {
        ...{ base: new BitmapLayer(overview, false), baseWidth: overview.width, isSmooth: false },
        fetch: (part) => this.worker.call("part", { of: "original", image, part }),
        changed: () => this.stage.changed(),
      },
    );
    this.#originals = { base, original, bicubic: undefined };
    const { scale } = this.store.state.info;
    this.stage.show({ width: width * scale, height: height * scale }, original, base);
  }

  #show(): void {
    const { image, info, left, quality } = this.store.state;
    const originals = this.#originals;
    if (!image || !originals) return;
    const { scale } = info;
    const size = { width: image.width * scale, height: image.height * scale };
    this.stage.show(
      size,
      left === "original" ? originals.original : this.#bicubic(image, scale, size),
      this.#results.get(quality) ?? originals.base,
    );
  }

  #bicubic({ file }: ShownImage, scale: number, size: Size): Layer {
    const originals = this.#originals as Originals;
    if (originals.bicubic?.scale !== scale) {
      originals.bicubic?.layer.close();
      const layer = new CellLayer(size, {
        ...{ base: originals.base, baseWidth: 0, isSmooth: true },
        fetch: (part) => this.worker.call("part", { of: "bicubic", image: file, scale, part }),
        changed: () => this.stage.changed(),
      });
      originals.bicubic = { scale, layer };
    }
    return originals.bicubic.layer;
  }
}
