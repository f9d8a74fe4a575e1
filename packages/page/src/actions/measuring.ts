import type { WorkerClient } from "../client/worker-client.js";
import { INITIAL, type State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";
import type { Upscaling } from "./upscaling.js";

/** Measures all qualities on this device, one row after another. */
export class Measuring {
  #abort: AbortController | undefined;

  constructor(
    private readonly store: Store<State>,
    private readonly upscaling: Upscaling,
    private readonly worker: WorkerClient,
  ) {}

  async start(): Promise<void> {
    const { image, model, device } = this.store.state;
    if (!image) return;
    // Whatever else runs would be measured too.
    this.upscaling.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    this.store.update({ measurements: [], work: { kind: "measuring" }, message: undefined });
    try {
      await this.worker.call(
        "measure",
        { network: { model, device }, image: image.file },
        {
          signal: abort.signal,
          onEvent: (row) => this.store.update({ measurements: [...this.store.state.measurements, row] }),
        },
      );
      this.store.update({ work: INITIAL.work });
    } catch (error) {
      const message = isAbort(error) ? undefined : ({ kind: "error", text: messageOf(error) } as const);
      this.store.update({ work: INITIAL.work, message });
    }
  }

  stop(): void {
    this.#abort?.abort();
  }
}
