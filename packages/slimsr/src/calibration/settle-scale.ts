import { OnnxError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { createProcessSession } from "@slimsr/upscaler/internal/node/process-session.js";

/** Pixels along a side of the image that is run: a multiple of what networks of windows and of several scales take. */
const SIDE = 64;

/**
 * The scale of a network whose graph doesn't tell it, as its operators aren't known here: it is run once, on black.
 * @throws OnnxError where its output is no image a whole number of times as large; DeviceError where it does not run;
 * InterruptedError if the signal was aborted
 */
export async function settleScale(
  name: string,
  { onnx, input, output, channels, size }: Omit<Deployment, "scale">,
  signal?: AbortSignal,
): Promise<number> {
  const { width, height } = size.fixed ?? { width: SIDE, height: SIDE };
  const shape = [1, channels.input, height, width];
  const session = await createProcessSession(onnx, {}, { signal });
  try {
    const image = float32(new Float32Array(channels.input * height * width), shape);
    const { outputs } = await session.run({ [input]: image });
    const made = outputs[output]?.shape ?? [];
    const [, count = 0, high = 0, wide = 0] = made;
    const scale = high / height;
    if (made.length === 4 && count === channels.output && scale >= 1 && scale % 1 === 0 && wide === scale * width) {
      return scale;
    }
    throw new OnnxError(
      `${name} makes [${made.join(", ")}] of an image [${shape.join(", ")}]; expected as many channels, a whole number of times as large`,
    );
  } finally {
    await session.close();
  }
}
