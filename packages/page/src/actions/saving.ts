import type { WorkerClient } from "../client/worker-client.js";
import type { OutputSize } from "../messages/calls.js";
import { INITIAL, type State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";
import type { Upscaling } from "./upscaling.js";

/** Hands the visitor the result as a PNG, which the worker writes row by row. */
export class Saving {
  #abort: AbortController | undefined;

  constructor(
    private readonly store: Store<State>,
    private readonly upscaling: Upscaling,
    private readonly worker: WorkerClient,
  ) {
    // What is computed for a file that is large would stand in the way of what is to be seen.
    store.follow((state, before) => {
      if (before && KEYS.some((key) => state[key] !== before[key])) this.stop();
    });
  }

  async start(): Promise<void> {
    const { store } = this;
    const { result } = this.upscaling;
    const { image, info, output, model, device, quality } = store.state;
    if (!image || !result?.isWhole) return;
    const abort = new AbortController();
    this.#abort = abort;
    const tell = (share: number) => store.update({ work: { kind: "saving", share } });
    tell(0);
    try {
      const { file, width, height } = image;
      const png = await this.worker.call(
        "png",
        {
          ...{ network: { model, device }, quality, file, image: { width, height }, scale: info.scale },
          ...{ tiles: result.tiles, output },
        },
        { signal: abort.signal, onEvent: ({ share }) => tell(share) },
      );
      download(png, `${image.name.replace(/\.\w+$/, "")}_${suffixOf(output, info.scale)}.png`);
      store.update({ work: INITIAL.work, message: undefined });
    } catch (error) {
      // Whoever stopped it may be at work already.
      if (isAbort(error)) return;
      store.update({ work: INITIAL.work, message: { kind: "error", text: messageOf(error) } });
    }
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }
}

const KEYS = ["image", "model", "device", "quality", "live"] as const;

/** As the command line names its outputs. */
const suffixOf = ({ size, longEdge }: OutputSize, scale: number): string =>
  size ? `${size.width}x${size.height}` : longEdge === undefined ? `x${scale}` : String(longEdge);

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Browsers begin to read it some time after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
