import { Graph } from "@slimsr/core/internal/graph/index.js";
import { reorderInput } from "@slimsr/core/internal/lowering/blocked/operators.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession } from "./session.js";

const CHANNELS = 64;

let known: Promise<number> | undefined;

/**
 * Channels in a block of the engine's blocked layout on this processor (16 with AVX-512, 8 with AVX2); 1 where it has none.
 * Asked of the engine once: in the reordered ramp the second position of channel 0 comes right after the first block.
 */
export function blockSize(): Promise<number> {
  known ??= measure();
  return known;
}

async function measure(): Promise<number> {
  const graph = new Graph("block_size");
  const x = graph.input("x", [1, CHANNELS, 1, 2]);
  graph.output("y", reorderInput(x));
  try {
    const session = await createSession(graph, { threads: 1, spinning: false });
    const ramp = Float32Array.from({ length: 2 * CHANNELS }, (_, i) => i);
    const { outputs } = await session.run({ x: float32(ramp, x.shape) });
    await session.close();
    const reordered = outputs.y?.data as Float32Array | undefined;
    return Math.max(1, reordered?.indexOf(1) ?? 1);
  } catch {
    return 1;
  }
}
