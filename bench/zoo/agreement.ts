import { readSafetensors } from "../../packages/core/src/checkpoints/safetensors.js";
import { RunError, UsageError } from "../../packages/core/src/errors.js";
import { exportModel } from "../../packages/core/src/export/onnx.js";
import { elements } from "../../packages/core/src/graph/index.js";
import { imageNames, sizeFrom } from "../../packages/core/src/model/descriptor.js";
import type { Model } from "../../packages/core/src/model/model.js";
import { createSession } from "../../packages/slimsr/src/engine/session.js";
import { readBytes } from "../../packages/slimsr/src/files/checkpoints.js";
import { randomNumbers } from "../../packages/slimsr/src/random.js";
import { float32, type Session, type Tensor } from "../../packages/upscaler/src/engine/session.js";
import type { Entry } from "./entry.js";
import type { Result } from "./record.js";

/** Largest difference of our exported model to PyTorch's outputs, as a share of the range, for each pair of tensors. */
export async function goldenDifferences(model: Model, { tensors: file, about }: Entry): Promise<Result<"golden">> {
  const { tensors } = readSafetensors(await readBytes(file), file);
  const names = [...tensors.keys()].filter((name) => /^input\d*$/.test(name));
  if (names.length === 0) throw new UsageError(`${file} holds no tensors input and output`);
  return withSession(exportModel(model), async (session) => {
    const differences: Result<"golden">[number][] = [];
    for (const name of names) {
      const tensor = name.replace("input", "output");
      const [given, expected] = [tensors.get(name), tensors.get(tensor)];
      if (!given || !expected) throw new UsageError(`${file} holds ${name}, but no ${tensor}`);
      const made = await runOn(session, model, float32(given.data, given.shape));
      differences.push({ tensor, difference: largestDifference(made, expected) / about.range });
    }
    return differences;
  });
}

function largestDifference(made: Tensor, expected: Pick<Tensor, "shape" | "data">): number {
  const problem = problemOf(made, expected.shape);
  if (problem !== undefined) throw new RunError(problem);
  return (made.data as Float32Array).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - Number(expected.data[i]))),
    0,
  );
}

/** Sides of the images that exported models are opened at, in pixels: the least that do are taken. */
const SIDES = [
  [32, 32],
  [40, 56],
  [72, 48],
] as const;

/** Whether an exported model takes images of three sizes that its rule allows, or of its only one, and enlarges them by its scale. */
export function openedAt(model: Model): Promise<Result<"trained">["sizes"]> {
  const { size, scale, channels, range } = model.descriptor;
  const sizes = SIDES.map(([height, width]) => ({
    height: sizeFrom(size, height).height,
    width: sizeFrom(size, width).width,
  }));
  return withSession(exportModel(model), async (session) => {
    const random = randomNumbers(0);
    const opened: Result<"trained">["sizes"] = [];
    for (const { height, width } of size.fixed ? sizes.slice(0, 1) : sizes) {
      const shape = [1, channels.input, height, width];
      const image = Float32Array.from({ length: elements(shape) }, () => random() * range);
      const problem = await runOn(session, model, float32(image, shape)).then(
        (made) => problemOf(made, [1, channels.output, scale * height, scale * width]),
        (error: Error) => error.message,
      );
      opened.push({ height, width, ...(problem !== undefined && { problem }) });
    }
    return opened;
  });
}

function problemOf({ shape, data }: Tensor, expected: readonly number[]): string | undefined {
  if (shape.join() !== expected.join()) return `its output is ${shape.join("×")}, not ${expected.join("×")}`;
  return (data as Float32Array).every(Number.isFinite) ? undefined : "its output isn't finite";
}

async function runOn(session: Session, { descriptor }: Model, image: Tensor): Promise<Tensor> {
  const { input, output } = imageNames(descriptor);
  const { outputs } = await session.run({ [input]: image });
  return outputs[output] as Tensor;
}

async function withSession<T>(onnx: Uint8Array, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await createSession(onnx);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
