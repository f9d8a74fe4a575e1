import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Device } from "../engine/session.js";
import { loadEngine } from "./engine.js";

const ADVICE: Record<Device, string> = {
  cpu: "",
  webgpu:
    "webgpu needs a Vulkan, Metal or Direct3D 12 driver; without a GPU, Debian's package chromium, with libvulkan1, brings a software one: " +
    "set VK_DRIVER_FILES to its vk_swiftshader_icd.json (dpkg -L chromium-common finds it)",
  cuda: "cuda needs an NVIDIA GPU, CUDA 12 and onnxruntime-node's CUDA files: run its install script with them allowed",
};

/** @throws DeviceError where this machine's engine has no such device. */
export async function requireDevice(device: Device): Promise<void> {
  const { listSupportedBackends } = await loadEngine();
  const names = listSupportedBackends().map(({ name }) => name);
  if (!names.includes(device)) {
    throw new DeviceError(`device ${device} isn't there: ONNX Runtime has ${names.join(", ")} on this platform`);
  }
}

/** The engine's message, with what a missing device needs. */
export function deviceAdvice(device: Device, message: string): DeviceError {
  return new DeviceError(ADVICE[device] === "" ? message : `device ${device}: ${message.trim()}\n${ADVICE[device]}`);
}
