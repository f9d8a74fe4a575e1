import type { WorkerClient } from "../client/worker-client.js";
import { BitmapLayer } from "../layers/layer.js";
import { FrameRateGovernor, rungsOf } from "../live/governor.js";
import { nextFrame, openCamera, openVideo, type Video } from "../live/video.js";
import type { Stage } from "../stage/stage.js";
import type { Live, State } from "../state/state.js";
import type { Store } from "../state/store.js";
import { isAbort, messageOf } from "./errors.js";
import type { Upscaling } from "./upscaling.js";

/** Frames a second that are to be held. */
export const FRAME_RATE = 12;
/** Milliseconds over which the rate is said. */
const WINDOW = 2000;

/** Enlarges a video's or a camera's frames as they come; those that come meanwhile are left out. */
export class LiveUpscaling {
  #video: Video | undefined;

  constructor(
    private readonly store: Store<State>,
    private readonly stage: Stage,
    private readonly upscaling: Upscaling,
    private readonly worker: WorkerClient,
  ) {}

  camera(): Promise<void> {
    return this.#start("camera", openCamera);
  }

  video(file: Blob): Promise<void> {
    return this.#start("video", () => openVideo(file));
  }

  stop(): void {
    this.#video?.close();
    this.#video = undefined;
    this.stage.show(undefined);
    this.store.update({ live: undefined });
  }

  /** The frame that is shown becomes the image. */
  async takePicture(): Promise<void> {
    const video = this.#video;
    if (!video) return;
    const { videoWidth, videoHeight } = video.element;
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext("2d")?.drawImage(video.element, 0, 0);
    const blob = await canvas.convertToBlob();
    this.stop();
    await this.upscaling.open(blob, "picture.png");
  }

  async #start(source: Live["source"], open: () => Promise<Video>): Promise<void> {
    this.stop();
    this.upscaling.clear();
    this.store.update({ message: undefined });
    try {
      const video = await open();
      this.#video = video;
      const quality = this.store.state.info.qualities.at(-1) as number;
      this.store.update({ live: { source, rate: undefined, quality, size: undefined } });
      await this.#run(video);
    } catch (error) {
      this.stop();
      if (!isAbort(error)) this.store.update({ message: { kind: "error", text: messageOf(error) } });
    }
  }

  async #run(video: Video): Promise<void> {
    const { model, device } = this.store.state;
    const network = { model, device };
    const { videoWidth: width, videoHeight: height } = video.element;
    // Of a file that was never read it isn't known which it has.
    const least = model.source instanceof Blob ? undefined : this.store.state.info.qualities.at(-1);
    const loaded = await this.worker.call("load", { network, quality: least, at: { width, height } });
    const { info } = loaded;
    this.store.update({ info, engine: loaded.engine });
    const costs = new Map(info.qualities.map((quality, i) => [quality, info.costs[i] ?? null]));
    const governor = new FrameRateGovernor(rungsOf(info.qualities), costs, 1000 / FRAME_RATE);
    const done: number[] = [];
    let before = "";
    let shown: ImageBitmap[] = [];
    while (this.#video === video) {
      await nextFrame(video.element);
      const { quality, reduction } = governor.rung;
      const start = performance.now();
      const size = { width: Math.ceil(width / reduction), height: Math.ceil(height / reduction) };
      const frame = await createImageBitmap(video.element, { resizeWidth: size.width, resizeHeight: size.height });
      const made = await this.worker.call("frame", { network, quality, frame }, { transfer: [frame] });
      if (this.#video !== video) return;
      const enlarged = { width: width * info.scale, height: height * info.scale };
      this.stage.show(enlarged, new BitmapLayer(made.frame, false), new BitmapLayer(made.result));
      for (const bitmap of shown) bitmap.close();
      shown = [made.frame, made.result];
      const now = performance.now();
      const rung = `${quality} ${reduction}`;
      if (rung === before) governor.record(now - start);
      before = rung;
      done.push(now);
      while (now - (done[0] as number) > WINDOW) done.shift();
      const rate = done.length > 1 ? (1000 * (done.length - 1)) / (now - (done[0] as number)) : undefined;
      const { live } = this.store.state;
      if (live) this.store.update({ engine: made.engine, live: { ...live, rate, quality, size } });
    }
  }
}
