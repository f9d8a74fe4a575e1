import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Device, SessionOptions } from "../engine/session.js";

/** @throws DeviceError where no browser has such a device. */
export function requireDevice(device: Device): void {
  if (device === "cuda") throw new DeviceError("device cuda isn't there: browsers have cpu and webgpu");
}

/** @throws DeviceError where a browser's engine can't do what is asked of it. */
export function requireOptions({ profile, optimisedModel, carried, spinning }: SessionOptions): void {
  refuse("profile", profile !== undefined, "it writes no files");
  refuse("optimisedModel", optimisedModel !== undefined, "it writes no files");
  refuse("carried", carried !== undefined, "its runs hand all outputs back");
  refuse("spinning: false", spinning === false, "its idle threads always spin");
}

function refuse(option: string, asked: boolean, reason: string): void {
  if (asked) throw new DeviceError(`a browser's engine can't honour ${option}: ${reason}; leave the option out`);
}

const FILES =
  "the engine's .wasm file must lie beside the worker's script, or its .mjs and .wasm files where wasmPaths says";

const ADVICE: Record<Device, string> = {
  cpu: FILES,
  webgpu: `webgpu needs a browser that has it and a graphics driver; ${FILES}`,
  cuda: "",
};

/** The engine's message; where the engine didn't start, with what it needs. */
export const deviceAdvice = (device: Device, message: string): DeviceError =>
  new DeviceError(
    /no available backend/.test(message) ? `device ${device}: ${message.trim()}\n${ADVICE[device]}` : message,
  );
