import { expect, it } from "vitest";
import { randomPatches, smallModel, smallNetworks } from "../../../../../test/support/small-networks.js";
import { type NetworkOptions, required } from "../../../../core/src/networks/index.js";
import { errorAgainst } from "../../../src/slimming/budgets/output-error.js";

it("measures a student's squared error, of luma and a sixteenth of each colour's", async () => {
  const [options] = smallNetworks(2, 16) as [NetworkOptions];
  const model = smallModel(options);
  const { parameters } = model;
  const errorOf = await errorAgainst(model, randomPatches(3));
  expect(await errorOf(model)).toBe(0);
  const shifted = new Map([...parameters.keys()].map((name) => [name, required(parameters, name)]));
  const { shape, data } = required(parameters, "tail.bias");
  shifted.set("tail.bias", { shape, data: data.map((value) => value + 2) });
  expect(await errorOf({ ...model, parameters: shifted })).toBeCloseTo(((2 * 219) / 255) ** 2 + 3 * (2 / 4) ** 2, 3);
});
