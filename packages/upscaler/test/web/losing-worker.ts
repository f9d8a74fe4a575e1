/// <reference lib="webworker" />
import type { Request } from "../../src/engine/protocol.js";

interface LosableDevice {
  destroy(): void;
}
interface LosableAdapter {
  requestDevice(...options: unknown[]): Promise<LosableDevice>;
}
declare const GPUAdapter: { readonly prototype: LosableAdapter };

/** A worker for sessions on WebGPU whose device is lost after as many runs as its name says. */
const most = Number(self.name);

const devices: LosableDevice[] = [];
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (...options) {
  const device = await requestDevice.apply(this, options);
  devices.push(device);
  return device;
};

let runs = 0;
addEventListener("message", ({ data }: MessageEvent<Request<unknown>>) => {
  if (data.kind === "run" && runs++ === most) for (const device of devices) device.destroy();
});

await import("../../src/web/session-worker-webgpu.js");
