import type { OutputSize } from "../messages/calls.js";
import type { State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { element } from "./elements.js";

/** The size that the PNG is to have: all pixels that were computed, a long edge, or just some width and height. */
export function outputSizeControl(store: Store<State>): void {
  const kind = element("size", HTMLSelectElement);
  const [width, height] = [element("size-width", HTMLInputElement), element("size-height", HTMLInputElement)];
  const times = element("size-times", HTMLElement);

  const output = (): OutputSize => {
    if (kind.value === "all") return {};
    const side = width.valueAsNumber;
    return kind.value === "exact" ? { size: { width: side, height: height.valueAsNumber } } : { longEdge: side };
  };
  const tell = () => store.update({ output: output() });

  kind.addEventListener("change", () => {
    const [isAll, isExact] = [kind.value === "all", kind.value === "exact"];
    const made = madeSize(store.state);
    width.value = String(isExact ? made.width : Math.max(made.width, made.height));
    height.value = String(made.height);
    width.hidden = isAll;
    height.hidden = !isExact;
    times.hidden = !isExact;
    width.setAttribute("aria-label", isExact ? "Width in pixels" : "Long edge in pixels");
    tell();
  });
  for (const input of [width, height]) input.addEventListener("change", tell);

  store.follow((state, before) => {
    if (before && state.image === before.image && state.info === before.info) return;
    const made = madeSize(state);
    (kind.options[0] as HTMLOptionElement).textContent = state.image ? `${made.width}×${made.height}` : "all pixels";
  });
}

const madeSize = ({ image, info }: State) => ({
  width: (image?.width ?? 0) * info.scale,
  height: (image?.height ?? 0) * info.scale,
});
