import type { DeviceChoice, Engine, ModelFile } from "../messages/calls.js";
import type { Left, State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { element } from "./elements.js";

/** Which model, which device and what it is compared with; and what really runs. */
export interface Choices {
  setModel(model: ModelFile): void;
  setDevice(device: DeviceChoice): void;
  setLeft(left: Left): void;
}

export function choiceControls(store: Store<State>, choices: Choices): void {
  const models = element("model", HTMLSelectElement);
  const devices = element("device", HTMLSelectElement);
  const engine = element("engine", HTMLElement);
  const lefts = [...document.querySelectorAll<HTMLInputElement>("input[name=left]")];
  const label = element("left-label", HTMLElement);

  models.addEventListener("change", () => {
    const chosen = store.state.models[models.selectedIndex];
    if (chosen) choices.setModel(chosen);
  });
  devices.addEventListener("change", () => choices.setDevice(devices.value as DeviceChoice));
  for (const input of lefts) input.addEventListener("change", () => choices.setLeft(input.value as Left));

  store.follow((state) => {
    if (models.options.length !== state.models.length) {
      models.replaceChildren(...state.models.map(({ name }) => new Option(name)));
    }
    models.selectedIndex = state.models.findIndex(({ key }) => key === state.model.key);
    devices.value = state.device;
    engine.textContent = state.engine ? engineText(state.engine) : "not started yet";
    engine.title = state.engine?.fallback ?? "";
    for (const input of lefts) input.checked = input.value === state.left;
    label.textContent = state.live ? "Video" : state.left === "original" ? "Original" : "Bicubic";
  });
}

export function engineText({ device, build, threads, fallback }: Engine): string {
  const place =
    device === "webgpu"
      ? `graphics processor (WebGPU${build === "jspi" ? ", JSPI" : ""})`
      : `processor (WebAssembly, ${threads} ${threads === 1 ? "thread" : "threads"})`;
  return fallback === undefined ? place : `${place}: ${fallback}`;
}
