import type { WorkerClient } from "../client/worker-client.js";
import type { State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";

/** Asks what a PNG takes that is larger than the result, whenever another is asked for. */
export function followOutputSize(store: Store<State>, worker: WorkerClient): void {
  let abort = new AbortController();
  store.follow((state, before) => {
    if (before && KEYS.every((key) => state[key] === before[key])) return;
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const { image, model, device, quality, output } = state;
    if (state.outputWork !== undefined) store.update({ outputWork: undefined });
    if (!image || !state.isWhole || !(output.size ?? output.longEdge)) return;
    const { width, height } = image;
    worker.call("work", { network: { model, device }, quality, image: { width, height }, output }, { signal }).then(
      (outputWork) => store.update({ outputWork: outputWork.passes.length > 1 ? outputWork : undefined }),
      (error: unknown) => {
        if (!isAbort(error)) store.update({ outputWork: messageOf(error) });
      },
    );
  });
}

const KEYS = ["image", "model", "device", "quality", "output", "isWhole", "live"] as const;
