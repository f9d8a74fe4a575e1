import { DeviceError, NetworkError } from "@slimsr/core/internal/errors.js";
import type { Deployable } from "@slimsr/core/internal/export/deployable.js";
import { onnxDeployment } from "@slimsr/core/internal/export/onnx-file.js";
import { type Descriptor, sizeFrom } from "@slimsr/core/internal/model/descriptor.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import { type Device, float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { createProcessSession } from "@slimsr/upscaler/internal/node/process-session.js";
import { testPicture } from "./test-picture.js";

/** How far what a file computes is from what its network does, in levels of 255. */
export interface Difference {
  readonly device: Device;
  /** At most, and the root of the mean square, of all pixels but those along the border that repeat others. */
  readonly worst: number;
  readonly rms: number;
  /** At most, of those along the border; left out where there are none. */
  readonly worstAtBorder?: number;
}

/** A device on which a file wasn't tried. */
export interface Unchecked {
  readonly device: Device;
  readonly reason: string;
}

export interface VerifyOptions {
  /** Whether it computes in half precision. */
  readonly half: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Least side of the picture that is tried. */
const SIDE = 96;
/** Levels of 255 that rounding may change, in single and in half precision. */
const MOST = { single: 0.255, half: 1.5 };

/**
 * Runs a deployable network on a photograph, on the CPU and by WebGPU where that is there, beside the network that it was made of.
 * @throws NetworkError where they differ by more than rounding does; OnnxError or DeviceError where the file can't be read or run
 */
export async function verify(
  model: Model,
  { onnx, descriptor, border }: Pick<Deployable, "onnx" | "descriptor" | "border">,
  { half, signal }: VerifyOptions,
): Promise<(Difference | Unchecked)[]> {
  const { scale, channels, range, size } = descriptor;
  const picture = await testPicture(descriptor, sizeFrom(size, SIDE));
  const own = { input: "lr", output: "sr" };
  const expected = await run(writeOnnx(instantiate(model, picture.shape)), own, picture, "cpu", signal);
  const file = onnxDeployment("the exported file", onnx, { scale, channels: channels.input as 1 | 3 });
  const compare = async (device: Device): Promise<Difference> => {
    const difference = differenceOf(await run(onnx, file, picture, device, signal), expected, border, range);
    const most = half ? MOST.half : MOST.single;
    if (difference.worst <= most) return { device, ...difference };
    throw new NetworkError(
      `on ${device} the exported network differs from the one it was made of by ${difference.worst.toFixed(2)} levels of 255, more than the ${most} that rounding ` +
        `may change; ${half ? "leave --fp16 out" : "try --no-merge"}`,
    );
  };
  return [await compare("cpu"), await compare("webgpu").catch(unchecked("webgpu"))];
}

const unchecked =
  (device: Device) =>
  (error: unknown): Unchecked => {
    if (!(error instanceof DeviceError)) throw error;
    const [failure = "", advice = failure] = error.message.trim().split("\n");
    return { device, reason: /adapter|isn't there/.test(failure) ? advice : failure.replace(/^device \w+: /, "") };
  };

async function run(
  onnx: Uint8Array,
  { input, output }: { input: string; output: string },
  picture: Tensor,
  device: Device,
  signal: AbortSignal | undefined,
): Promise<Tensor> {
  const session = await createProcessSession(onnx, { device }, { signal });
  try {
    const data = Float32Array.from(picture.data as Float32Array);
    const { outputs } = await session.run({ [input]: float32(data, picture.shape) });
    return outputs[output] as Tensor;
  } finally {
    await session.close();
  }
}

/** A NaN differs by infinity. */
function differenceOf(
  found: Tensor,
  expected: Tensor,
  border: number,
  range: Descriptor["range"],
): Omit<Difference, "device"> {
  const [height, width] = expected.shape.slice(2) as [number, number];
  let [worst, worstAtBorder, sum, count] = [0, 0, 0, 0];
  (expected.data as Float32Array).forEach((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const distance = (Math.abs(value - Number(found.data[i])) * 255) / range;
    const difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    if (Math.min(x, y, width - 1 - x, height - 1 - y) < border) {
      worstAtBorder = Math.max(worstAtBorder, difference);
      return;
    }
    worst = Math.max(worst, difference);
    sum += difference ** 2;
    count++;
  });
  return { worst, rms: Math.sqrt(sum / count), ...(border > 0 && { worstAtBorder }) };
}
