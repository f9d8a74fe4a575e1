import { LiveUpscaling } from "./actions/live.js";
import { Measuring } from "./actions/measuring.js";
import { followOutputSize } from "./actions/output-work.js";
import { Saving } from "./actions/saving.js";
import { Upscaling } from "./actions/upscaling.js";
import { worker } from "./client/start.js";
import { choiceControls } from "./controls/choices.js";
import { element } from "./controls/elements.js";
import { inputControls } from "./controls/inputs.js";
import { measurementDialog } from "./controls/measurements.js";
import { outputSizeControl } from "./controls/output-size.js";
import { qualityControl } from "./controls/quality.js";
import { statusControls } from "./controls/status.js";
import { keepForOffline } from "./offline/keep.js";
import { Divider } from "./stage/divider.js";
import { followGestures } from "./stage/gestures.js";
import { Stage } from "./stage/stage.js";
import { markTile } from "./stage/tile-mark.js";
import { INITIAL, SAMPLE, type State } from "./state/state.js";
import { Store } from "./state/store.js";

const store = new Store<State>(INITIAL);
const canvas = element("canvas", HTMLCanvasElement);
const stage = new Stage(canvas);
followGestures(stage, canvas);
const mark = element("tile", HTMLElement);
const divider = new Divider(stage, element("divider", HTMLElement));
const upscaling = new Upscaling(store, stage, divider, worker, (tile) => markTile(stage, mark, tile));
const measuring = new Measuring(store, upscaling, worker);
const saving = new Saving(store, upscaling, worker);
const live = new LiveUpscaling(store, stage, upscaling, worker);

/** Images, videos and models go where they belong. */
function open(file: File): void {
  if (/\.(onnx|safetensors|pth?)$/i.test(file.name)) {
    const key = `${file.name} ${file.size} ${file.lastModified}`;
    upscaling.setModel({ key, source: file, name: file.name });
    return;
  }
  live.stop();
  if (file.type.startsWith("video/")) live.video(file);
  else upscaling.open(file, file.name);
}

async function sample(): Promise<void> {
  live.stop();
  const response = await fetch(new URL("./sample.avif", import.meta.url));
  await upscaling.open(await response.blob(), SAMPLE);
}

inputControls({ open, sample, camera: () => live.camera() });
outputSizeControl(store);
followOutputSize(store, worker);
qualityControl(store, (quality) => upscaling.setQuality(quality));
choiceControls(store, {
  setModel: (model) => upscaling.setModel(model),
  setDevice: (device) => upscaling.setDevice(device),
  setLeft: (left) => upscaling.setLeft(left),
});
statusControls(store, () => {
  saving.stop();
  measuring.stop();
  upscaling.cancel();
});
measurementDialog(store, {
  start: () => {
    saving.stop();
    measuring.start();
  },
  stop: () => measuring.stop(),
});
element("save", HTMLButtonElement).addEventListener("click", () => saving.start());
element("zoom-in", HTMLButtonElement).addEventListener("click", () => stage.zoom(1.5));
element("zoom-out", HTMLButtonElement).addEventListener("click", () => stage.zoom(1 / 1.5));
element("zoom-fit", HTMLButtonElement).addEventListener("click", () => stage.fit());
element("live-stop", HTMLButtonElement).addEventListener("click", () => live.stop());
element("live-picture", HTMLButtonElement).addEventListener("click", () => live.takePicture());
stage.follow(() => {
  element("zoom", HTMLElement).textContent = `${Math.round(100 * stage.scale * devicePixelRatio)} %`;
});

const isBuilt = document.querySelector("script[src*='/@vite/']") === null;
if (isBuilt) keepForOffline(store);
// Whoever pays for bytes presses a button first.
const { connection } = navigator as { connection?: { readonly saveData?: boolean } };
if (!connection?.saveData) await sample();
