import { batchesOf, type Patches, patchShape } from "../calibration/batches.js";
import { COLOUR, LUMA } from "../calibration/moments.js";
import type { Parameters } from "../networks/index.js";
import { createSession, float32 } from "../runtime/index.js";
import { instantiate, type Model } from "./model.js";

/** What rounding to whole pixel values adds to any image's squared error. */
const ROUNDING = 1 / 12;

/**
 * Yields what a student's PSNR lacks, in dB but for a constant: the mean over patches of 10·log10(T + S), with T the teacher's mean squared
 * difference to the truth and S the student's to the teacher, of luma and, with a smaller weight, colours. So each image counts as
 * in the PSNR of a set, and nothing counts that is small beside what the teacher lacks itself. The student's difference to
 * the truth would be the same but for a product of both, whose sign is luck.
 * @param patches with their truth
 */
export async function errorAgainst(
  model: Model,
  teacher: Parameters,
  patches: Patches,
): Promise<(student: Parameters) => Promise<number>> {
  const { truth } = patches;
  if (!truth) throw new TypeError("errors are measured on patches whose truth is known");
  const ideals = await outputsOf(model, teacher, patches);
  const truths = batchesOf(truth, 1);
  const lacking = ideals.map((ideal, i) => squaredDifference(ideal, (truths[i] as Patches).data));
  return async (student) => {
    const outputs = await outputsOf(model, student, patches);
    const errors = outputs.map((own, i) => {
      const different = squaredDifference(ideals[i] as Float32Array, own);
      return 10 * Math.log10((lacking[i] as number) + different + ROUNDING);
    });
    return errors.reduce((sum, error) => sum + error, 0) / errors.length;
  };
}

/** A network's images of the patches, one by one. */
async function outputsOf(model: Model, parameters: Parameters, patches: Patches): Promise<Float32Array[]> {
  const shape = patchShape(patches, 1);
  const session = await createSession(instantiate(model, parameters, shape));
  const images: Float32Array[] = [];
  try {
    for (const { data } of batchesOf(patches, 1)) {
      const { outputs } = await session.run({ lr: float32(data, shape) });
      images.push(outputs.sr?.data as Float32Array);
    }
  } finally {
    await session.close();
  }
  return images;
}

/** Mean over pixels of images [3, H, W]. */
function squaredDifference(a: Float32Array, b: Float32Array): number {
  const area = a.length / 3;
  let sum = 0;
  for (let p = 0; p < area; p++) {
    let luma = 0;
    for (let c = 0; c < 3; c++) {
      const difference = (a[c * area + p] as number) - (b[c * area + p] as number);
      luma += (LUMA[c] as number) * difference;
      sum += (COLOUR * difference) ** 2;
    }
    sum += luma ** 2;
  }
  return sum / area;
}
