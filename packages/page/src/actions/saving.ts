import type { WorkerClient } from "../client/worker-client.js";
import type { OutputSize } from "../messages/calls.js";
import { INITIAL, type State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";
import type { Upscaling } from "./upscaling.js";

/** Hands the visitor the result as a PNG, which the worker writes row by row. */
export async function save(store: Store<State>, upscaling: Upscaling, worker: WorkerClient): Promise<void> {
  const { result } = upscaling;
  const { image, info, output } = store.state;
  if (!image || !result?.isWhole) return;
  const { tiles } = result;
  store.update({ work: { kind: "saving", share: 0 } });
  try {
    const png = await worker.call(
      "png",
      { tiles, image: { width: image.width, height: image.height }, scale: info.scale, output },
      { onEvent: ({ share }) => store.update({ work: { kind: "saving", share } }) },
    );
    download(png, `${image.name.replace(/\.\w+$/, "")}_${suffixOf(output, info.scale)}.png`);
    store.update({ work: INITIAL.work, message: undefined });
  } catch (error) {
    const message = isAbort(error) ? undefined : ({ kind: "error", text: messageOf(error) } as const);
    store.update({ work: INITIAL.work, message });
  }
}

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
