import type { Model } from "@slimsr/core/internal/model/model.js";
import { type Patches, patchShape, somePatches } from "../../calibration/batches.js";
import { errorBetween, outputShape } from "../../calibration/output-error.js";
import { outputsOf } from "../../calibration/outputs.js";
import { alone } from "../../exchange/exchange.js";

/**
 * Yields a student's mean error against its teacher (`errorBetween`): that is how far PSNR falls, where images are about as far from the truth by themselves.
 * @param exchange ranks that share the patches out
 */
export async function errorAgainst(
  teacher: Model,
  patches: Patches,
  exchange = alone,
): Promise<(student: Model) => Promise<number>> {
  const cut = (rank: number) => Math.floor((rank * patches.count) / exchange.size);
  const part = somePatches(patches, cut(exchange.rank), cut(exchange.rank + 1));
  const ideals = await outputsOf(teacher, part);
  const shape = outputShape(teacher, patchShape(patches, 1));
  return async (student) => {
    const outputs = await outputsOf(student, part);
    const sum = outputs.reduce((total, own, i) => total + errorBetween(ideals[i] as Float32Array, own, shape), 0);
    const summed = new Float64Array([sum]);
    await exchange.sum(summed);
    return (summed[0] as number) / patches.count;
  };
}
