import type { State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { element } from "./elements.js";
import { digits, duration, withPrefix } from "./numbers.js";

/** The slider of qualities, what each took, and what the chosen one costs. */
export function qualityControl(store: Store<State>, choose: (quality: number) => void): void {
  const group = element("quality-group", HTMLElement);
  const slider = element("quality", HTMLInputElement);
  const stops = element("quality-stops", HTMLElement);
  const figures = element("figures", HTMLElement);
  /** From the least to the best, as the slider has them. */
  const ascending = ({ info }: State) => info.qualities.toReversed();

  slider.addEventListener("input", () => choose(ascending(store.state)[Number(slider.value)] as number));

  store.follow((state, before) => {
    const isSame = before?.info === state.info && before.quality === state.quality && before.figures === state.figures;
    if (isSame) return;
    const qualities = ascending(state);
    const isSingle = qualities.length === 1;
    slider.max = String(Math.max(1, qualities.length - 1));
    slider.value = String(isSingle ? 1 : qualities.indexOf(state.quality));
    slider.disabled = isSingle;
    group.classList.toggle("single", isSingle);
    stops.replaceChildren(...qualities.map((quality) => stopOf(quality, state)));
    const text = sentence(state);
    slider.setAttribute("aria-valuetext", text);
    figures.textContent = text;
  });
}

function stopOf(quality: number, state: State): HTMLElement {
  const stop = document.createElement("span");
  const name = document.createElement("b");
  name.textContent = String(quality);
  const time = document.createElement("span");
  const measured = state.figures.get(quality);
  time.textContent = measured ? duration(measured.milliseconds) : "–";
  stop.append(name, time);
  stop.classList.toggle("chosen", quality === state.quality);
  return stop;
}

function sentence({ info, quality, figures }: State): string {
  const measured = figures.get(quality);
  const cost = info.costs[info.qualities.indexOf(quality)];
  const parts = [
    ...(measured ? [duration(measured.milliseconds), `${digits(measured.rate)} megapixels/s`] : []),
    ...(cost ? [`${withPrefix(cost.parameters)} parameters`, `${withPrefix(cost.macs)} MACs for 1280×720`] : []),
  ];
  return parts.join(" · ") || `quality ${quality}`;
}
