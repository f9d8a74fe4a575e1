import type { State, Work } from "../state/state.js";
import type { Store } from "../state/store.js";
import { element } from "./elements.js";
import { digits } from "./numbers.js";

/** What goes on, how far it is, and what went wrong. */
export function statusControls(store: Store<State>, cancel: () => void): void {
  const progress = element("progress", HTMLProgressElement);
  const status = element("status", HTMLElement);
  const stop = element("cancel", HTMLButtonElement);
  const save = element("save", HTMLButtonElement);
  const message = element("message", HTMLElement);
  const text = element("message-text", HTMLElement);
  const live = element("live", HTMLElement);
  const liveText = element("live-text", HTMLElement);
  const title = element("image-title", HTMLElement);

  stop.addEventListener("click", cancel);
  element("message-close", HTMLButtonElement).addEventListener("click", () => store.update({ message: undefined }));

  store.follow((state) => {
    const { work, image, info } = state;
    const isBusy = work.kind !== "none";
    stop.hidden = !isBusy;
    save.hidden = !stop.hidden;
    save.disabled = !state.isWhole || isBusy;
    progress.hidden = !isBusy;
    const share = shareOf(work);
    if (share === undefined) progress.removeAttribute("value");
    else progress.value = share;
    const said = TEXTS[work.kind];
    // A screen reader would read each change out.
    if (status.textContent !== said) status.textContent = said;
    message.hidden = !state.message;
    message.dataset.kind = state.message?.kind ?? "note";
    message.setAttribute("role", state.message?.kind === "error" ? "alert" : "status");
    if (text.textContent !== (state.message?.text ?? "")) text.textContent = state.message?.text ?? "";
    title.textContent = image
      ? `${image.name}, ${image.width}×${image.height} → ${image.width * info.scale}×${image.height * info.scale}`
      : "";
    document.body.classList.toggle("empty", !image && !state.live);
    document.body.classList.toggle("live", state.live !== undefined);
    live.hidden = !state.live;
    if (state.live) {
      const { rate, quality, size } = state.live;
      const frames = rate === undefined ? "starting" : `${digits(rate)} frames/s`;
      liveText.textContent = `${frames} · quality ${quality}${size ? ` · ${size.width}×${size.height}` : ""}`;
    }
  });
}

const TEXTS: Readonly<Record<Work["kind"], string>> = {
  none: "",
  opening: "Opening the image",
  starting: "Starting the engine",
  upscaling: "Upscaling",
  saving: "Writing the PNG",
  measuring: "Measuring",
};

function shareOf(work: Work): number | undefined {
  if (work.kind === "upscaling") return work.done / work.total;
  return work.kind === "saving" ? work.share : undefined;
}
