import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { batchesOf, type Patches, patchShape, somePatches } from "../../calibration/batches.js";
import { COLOUR, LUMA } from "../../calibration/moments.js";
import { createSession } from "../../engine/session.js";
import { alone } from "../../exchange/exchange.js";

/**
 * Yields a student's mean squared difference to its teacher, of luma and, with a smaller weight, colours: that is how far PSNR falls,
 * where images are about as far from the truth by themselves.
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
  return async (student) => {
    const outputs = await outputsOf(student, part);
    const sum = outputs.reduce(
      (total, own, i) => total + squaredDifference(ideals[i] as Float32Array, own, teacher.descriptor.channels.output),
      0,
    );
    const summed = new Float64Array([sum]);
    await exchange.sum(summed);
    return (summed[0] as number) / patches.count;
  };
}

/** A network's images of the patches, one by one. */
export async function outputsOf(model: Model, patches: Patches): Promise<Float32Array[]> {
  const shape = patchShape(patches, 1);
  const session = await createSession(instantiate(model, shape));
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

/** Mean over pixels of images [C, H, W]. */
function squaredDifference(a: Float32Array, b: Float32Array, channels: number): number {
  const area = a.length / channels;
  let sum = 0;
  if (channels === 1) {
    for (let p = 0; p < area; p++) sum += ((a[p] as number) - (b[p] as number)) ** 2;
    return sum / area;
  }
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
