/** A rank of `npm run bench -- mpi` and `hosts`: takes training steps on random images, and prints what the first rank measured as JSON. */

import { flatSize, packParameters } from "../../packages/core/src/model/flat.js";
import { networkModel } from "../../packages/core/src/model/model.js";
import { initialParameters, parameterShapes } from "../../packages/core/src/networks/index.js";
import { ADAM_DEFAULTS } from "../../packages/core/src/optimisers/adam.js";
import type { Exchange } from "../../packages/slimsr/src/exchange/exchange.js";
import { openExchange } from "../../packages/slimsr/src/exchange/open.js";
import { randomNumbers } from "../../packages/slimsr/src/random.js";
import { learnedShapes } from "../../packages/slimsr/src/training/learners.js";
import { shareOf } from "../../packages/slimsr/src/training/share.js";
import { initialState, Trainer } from "../../packages/slimsr/src/training/trainer.js";
import { edsr } from "../../test/support/networks.js";
import { median } from "../in-turn.js";
import type { Measured, Work } from "./launch.js";

const { steps, features, blocks, batch, patch, threads } = JSON.parse(process.argv[2] as string) as Work;
const exchange = await openExchange();
const waits: number[] = [];
/** The same ranks, with the time that sums take. */
const timed: Exchange = {
  rank: exchange.rank,
  size: exchange.size,
  isFirstHere: exchange.isFirstHere,
  threads: exchange.threads,
  name: exchange.name,
  sum: async (numbers, patience) => {
    const start = performance.now();
    await exchange.sum(numbers, patience);
    waits.push(performance.now() - start);
  },
  broadcast: (bytes) => exchange.broadcast(bytes),
  barrier: () => exchange.barrier(),
  leave: (failed) => exchange.leave(failed),
  abort: (code) => exchange.abort(code),
};
const network = edsr(2, { features, blocks, resScale: 1 });
const model = networkModel(network, initialParameters(parameterShapes(network), randomNumbers(1)));
const share = shareOf({ batch, accumulate: 1, isContrasted: false }, exchange);
const { count } = share.samples;
const options = {
  ...{ model, widths: [1], split: "aligned" as const, teacher: "none" as const, batch: count, accumulate: 1 },
  ...{ patch: [patch, patch] as const, adam: ADAM_DEFAULTS, session: { threads, spinning: false } },
};
const shapes = learnedShapes(options);
const start = packParameters(initialParameters(shapes, randomNumbers(2)), shapes);
const state = initialState(start as Float32Array<ArrayBuffer>, false);
const trainer = await Trainer.compile(options, state, { exchange: timed, weight: share.weight });
const random = randomNumbers(3 + exchange.rank);
const images = (side: number) => Float32Array.from({ length: count * 3 * side * side }, () => 255 * random());
const schedule = {
  ...{ learningRate: 1e-4, teacherWeight: 0, anchorWeight: 0 },
  ...{ distillationWeight: 0, attentionWeight: 0, contrastiveWeight: 0 },
};
const times: number[] = [];
for (let step = 0; step <= steps; step++) {
  const batches = [{ lr: images(patch), hr: images(2 * patch) }];
  const begun = performance.now();
  await trainer.step(batches, schedule);
  times.push(performance.now() - begun);
}
await trainer.close();
await exchange.leave(false);
// The first step finds caches cold.
const measured: Measured = {
  step: median(times.slice(1)),
  // One process alone has nobody to wait for.
  exchange: waits.length > 1 ? median(waits.slice(1)) : 0,
  bytes: 4 * flatSize(shapes),
};
if (exchange.rank === 0) console.log(JSON.stringify(measured));
