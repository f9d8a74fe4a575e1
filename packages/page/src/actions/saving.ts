import type { WorkerClient } from "../client/worker-client.js";
import { INITIAL, type State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";
import type { Upscaling } from "./upscaling.js";

/** Hands the visitor the result as a PNG, which the worker writes row by row. */
export async function save(store: Store<State>, upscaling: Upscaling, worker: WorkerClient): Promise<void> {
  const { result } = upscaling;
  const { image, info } = store.state;
  if (!image || !result?.isWhole) return;
  const { size, tiles } = result;
  store.update({ work: { kind: "saving", share: 0 } });
  try {
    const png = await worker.call(
      "png",
      { tiles, size },
      { onEvent: ({ rows }) => store.update({ work: { kind: "saving", share: rows / size.height } }) },
    );
    download(png, `${image.name.replace(/\.\w+$/, "")}_x${info.scale}.png`);
    store.update({ work: INITIAL.work });
  } catch (error) {
    const message = isAbort(error) ? undefined : ({ kind: "error", text: messageOf(error) } as const);
    store.update({ work: INITIAL.work, message });
  }
}

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Browsers begin to read it some time after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
