import { expect, it } from "vitest";
import { randomParameters, randomPatches, smallNetworks } from "../../../../../test/support/small-networks.js";
import { networkModel } from "../../../../core/src/model/model.js";
import { type NetworkOptions, required } from "../../../../core/src/networks/index.js";
import { errorAgainst } from "../../../src/slimming/budgets/output-error.js";

it("measures a student's squared error, of luma and a sixteenth of each colour's", async () => {
  const [options] = smallNetworks(2, 16) as [NetworkOptions];
  const model = networkModel(options);
  const parameters = randomParameters(options);
  const errorOf = await errorAgainst(model, parameters, randomPatches(3));
  expect(await errorOf(parameters)).toBe(0);
  const shifted = new Map([...parameters.keys()].map((name) => [name, required(parameters, name)]));
  const { shape, data } = required(parameters, "tail.bias");
  shifted.set("tail.bias", { shape, data: data.map((value) => value + 2) });
  expect(await errorOf(shifted)).toBeCloseTo(((2 * 219) / 255) ** 2 + 3 * (2 / 4) ** 2, 3);
});
