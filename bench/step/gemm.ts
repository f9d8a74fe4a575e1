import { Graph } from "../../packages/core/src/graph/index.js";
import { matMul, reduceMean } from "../../packages/core/src/operators/index.js";
import { float32 } from "../../packages/upscaler/src/engine/session.js";
import { createSession } from "../../packages/upscaler/src/node/session.js";
import { median } from "../in-turn.js";

/** The product of a convolution with 512 filters over 256 channels: rows, inner size, columns. */
const [ROWS, INNER, COLUMNS] = [512, 2304, 2304];

/** The machine's rate of float32 matrix products on two threads, in FLOP/s: the median of several. */
export async function gemmRate(runs = 15): Promise<number> {
  const graph = new Graph("gemm");
  const [left, right] = [graph.input("left", [ROWS, INNER]), graph.input("right", [INNER, COLUMNS])];
  graph.output("mean", reduceMean(matMul(left, right)));
  const session = await createSession(graph, { threads: 2 });
  const random = (size: number) => new Float32Array(size).map(() => Math.random());
  const feeds = {
    left: float32(random(ROWS * INNER), left.shape),
    right: float32(random(INNER * COLUMNS), right.shape),
  };
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { feeds: moved } = await session.run(feeds, { move: ["left", "right"] });
    Object.assign(feeds, moved);
    const start = performance.now();
    Object.assign(feeds, (await session.run(feeds, { move: ["left", "right"] })).feeds);
    times.push(performance.now() - start);
  }
  await session.close();
  return (2 * ROWS * INNER * COLUMNS) / (median(times) / 1e3);
}
