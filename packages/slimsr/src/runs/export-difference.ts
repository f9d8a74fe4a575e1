import { RunError } from "@slimsr/core/internal/errors.js";
import { isFakeQuantised } from "@slimsr/core/internal/export/roundings.js";
import { inColourSpace } from "@slimsr/core/internal/images/colour.js";
import { lowerOwnOperators } from "@slimsr/core/internal/lowering/portable.js";
import { type Difference, differenceBetween } from "@slimsr/core/internal/metrics/difference.js";
import { colourSpaceOf, imageNames } from "@slimsr/core/internal/model/descriptor.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession } from "../engine/session.js";
import { TOLERANCE } from "../quantisation/verify.js";
import type { Run } from "./open.js";

/** Largest difference of an exported model to the training network that counts as float rounding. */
const LARGEST = 0.05;

/**
 * How far an exported student is from the network that was trained: the largest difference, or the root mean square where numbers are rounded, each
 * of which may fall on either side of a half.
 * @throws RunError where that is more than rounding
 */
export async function requireLike(run: Run, name: string, onnx: Uint8Array, student: Model): Promise<number> {
  const { largest, rms } = await differenceOf(run, onnx, student);
  const [difference, most] = isFakeQuantised(student.graph) ? [rms, TOLERANCE] : [largest, LARGEST];
  if (difference <= most) return difference;
  throw new RunError(`${name}: the exported model's output is ${difference} of 255 off the training network's`);
}

/** How far a file's output is from the training network's on a validation image, of 255. */
export async function differenceOf(run: Run, onnx: Uint8Array, student: Model): Promise<Difference> {
  const image = await run.validation.centres.pairs[0]?.input();
  if (!image) throw new RunError("there is no validation image to check the exported model on");
  const { range } = student.descriptor;
  const { input, output } = imageNames(student.descriptor);
  const { planes, height, width, data } = inColourSpace(colourSpaceOf(student.descriptor), image);
  const pixels = Float32Array.from(data, (value) => (value * range) / 255);
  const lr = float32(pixels, [1, planes, height, width]);
  const [exported, trained] = await Promise.all(
    [onnx, lowerOwnOperators(instantiate(student, lr.shape, { input, output }))].map(async (source) => {
      const session = await createSession(source);
      const { outputs } = await session.run({ [input]: lr });
      await session.close();
      return outputs[output]?.data as Float32Array;
    }),
  );
  if (!exported || exported.length !== trained?.length) throw new RunError("the exported model yields another size");
  const { largest, rms } = differenceBetween([exported], [trained]);
  const levels = 255 / range;
  return { largest: largest * levels, rms: rms * levels };
}
