import { createRequire } from "node:module";
import { DeviceError } from "@slimsr/core/internal/errors.js";
import { listSupportedBackends } from "onnxruntime-node";
import type { Device } from "../session.js";

const ADVICE: Record<Device, string> = {
  cpu: "",
  webgpu:
    "webgpu needs a Vulkan, Metal or Direct3D 12 driver; without a GPU, Debian's package chromium, with libvulkan1, brings a software one: " +
    "set VK_DRIVER_FILES to its vk_swiftshader_icd.json (dpkg -L chromium-common finds it)",
  cuda: "cuda needs an NVIDIA GPU, CUDA 12 and onnxruntime-node's CUDA files: run its install script with them allowed",
};

/** ONNX Runtime's version. */
export function engineVersion(): string {
  const require = createRequire(import.meta.url);
  return (require("onnxruntime-node/package.json") as { version: string }).version;
}

/** @throws DeviceError where this machine's engine has no such device. */
export function requireDevice(device: Device): void {
  const names = listSupportedBackends().map(({ name }) => name);
  if (!names.includes(device)) {
    throw new DeviceError(`device ${device} isn't there: ONNX Runtime has ${names.join(", ")} on this platform`);
  }
}

/** The engine's message, with what a missing device needs. */
export function deviceAdvice(device: Device, message: string): DeviceError {
  return new DeviceError(ADVICE[device] === "" ? message : `device ${device}: ${message.trim()}\n${ADVICE[device]}`);
}
