import { expect, it } from "vitest";
import { randomPatches, smallModel, smallNetworks } from "../../../../../test/support/small-networks.js";
import { packParameters } from "../../../../core/src/model/flat.js";
import type { NetworkOptions } from "../../../../core/src/networks/index.js";
import { batchesOf } from "../../../src/calibration/batches.js";
import { alone } from "../../../src/exchange/exchange.js";
import { randomNumbers } from "../../../src/random.js";
import { layersOf, shapesOf } from "../../../src/slimming/gauss-newton/layers.js";
import { StudentError } from "../../../src/slimming/gauss-newton/student-error.js";

it("has the gradient that differences have", async () => {
  const [options] = smallNetworks(2) as [NetworkOptions];
  const model = smallModel(options);
  const layers = layersOf(model);
  const shapes = shapesOf(model, layers);
  const batches = batchesOf(randomPatches(3), 2);
  const error = await StudentError.open(
    model,
    model,
    shapes,
    { fitted: batches, sample: batches, unseen: [] },
    { exchange: alone, signal: undefined },
  );
  try {
    const random = randomNumbers(4);
    const start = packParameters(model.parameters, shapes).map((value) => value + 0.02 * (random() - 0.5));
    const direction = start.map(() => random() - 0.5);
    const at = async (distance: number) => {
      const vector = start.map((value, i) => value + distance * (direction[i] as number));
      return (await error.between("sample", await error.images(vector, "sample"))) / 2;
    };
    const gradient = await error.gradient(start);
    const slope = gradient.reduce((sum, value, i) => sum + value * (direction[i] as number), 0);
    const difference = ((await at(1e-3)) - (await at(-1e-3))) / 2e-3;
    expect(Math.abs(slope / difference - 1)).toBeLessThan(0.01);
  } finally {
    await error.close();
  }
});
