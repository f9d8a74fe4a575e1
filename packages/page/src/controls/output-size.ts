import type { OutputSize } from "../messages/calls.js";
import type { State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { element } from "./elements.js";
import { duration } from "./numbers.js";

/** The size that the PNG is to have: all pixels that were computed, a long edge, or just some width and height; and what a larger one takes. */
export function outputSizeControl(store: Store<State>): void {
  const kind = element("size", HTMLSelectElement);
  const [width, height] = [element("size-width", HTMLInputElement), element("size-height", HTMLInputElement)];
  const times = element("size-times", HTMLElement);
  const work = element("size-work", HTMLElement);

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

  store.follow((state) => {
    const text = sentence(state);
    if (work.textContent !== text) work.textContent = text;
  });
  store.follow((state, before) => {
    if (before && state.image === before.image && state.info === before.info) return;
    const made = madeSize(state);
    (kind.options[0] as HTMLOptionElement).textContent = state.image ? `${made.width}×${made.height}` : "all pixels";
  });
}

/** What a PNG takes that is larger than the result. */
function sentence({ outputWork, figures, quality }: State): string {
  if (outputWork === undefined || typeof outputWork === "string") return outputWork ?? "";
  const { width, height, passes } = outputWork;
  const tiles = passes.reduce((sum, pass) => sum + pass.tiles, 0);
  const pixels = passes.reduce((sum, pass) => sum + pass.pixels, 0);
  const milliseconds = ((figures.get(quality)?.elapsed ?? 0) * pixels) / (passes[0]?.pixels ?? pixels);
  const about = duration(Number(milliseconds.toPrecision(2)));
  return `${width}×${height} takes ${passes.length} passes of the network: ${tiles} tiles, about ${about}`;
}

const madeSize = ({ image, info }: State) => ({
  width: (image?.width ?? 0) * info.scale,
  height: (image?.height ?? 0) * info.scale,
});
