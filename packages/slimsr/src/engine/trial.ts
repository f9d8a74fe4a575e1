import { DeviceError } from "@slimsr/core/internal/errors.js";
import { elements } from "@slimsr/core/internal/graph/index.js";
import { instantiate, type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { createProcessSession } from "@slimsr/upscaler/internal/node/process-session.js";

/**
 * Runs a network that was read from anyone's ONNX file once, in a process of its own, before it is worked with in this one.
 * @throws DeviceError naming it where the engine crashes on it or refuses it; InterruptedError if the signal was aborted
 */
export async function tryOut(model: Model, signal?: AbortSignal): Promise<void> {
  if (model.descriptor.origin.kind !== "onnx") return;
  const { shape } = model.image;
  try {
    const session = await createProcessSession(writeOnnx(instantiate(model, shape)), { threads: 1 }, { signal });
    try {
      await session.run({ lr: float32(new Float32Array(elements(shape)), shape) });
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new DeviceError(`${nameOf(model)}: ${error.message}`, { cause: error });
  }
}
