import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession } from "../engine/session.js";
import { SessionsBySize } from "../engine/sessions-by-size.js";
import { batchesOf, type Patches, patchShape } from "./batches.js";

/** A network's images of the patches, one by one. */
export const outputsOf = (model: Model, patches: Patches): Promise<Float32Array[]> =>
  batchOutputs(model, batchesOf(patches, 1));

/** A network's images of batches of one size of patches, [N, C, H, W] each. */
export async function batchOutputs(
  model: Model,
  batches: readonly Patches[],
  signal?: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const [first] = batches;
  if (!first) return [];
  const sessions = new SessionsBySize((size) => createSession(instantiate(model, patchShape(first, size))));
  const images: Float32Array[] = [];
  try {
    for (const patches of batches) {
      signal?.throwIfAborted();
      const session = await sessions.of(patches.count);
      const { outputs } = await session.run({ lr: float32(patches.data, patchShape(patches, patches.count)) });
      images.push(outputs.sr?.data as Float32Array);
    }
  } finally {
    await sessions.close();
  }
  return images;
}
