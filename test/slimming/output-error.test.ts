import { expect, it } from "vitest";
import { type NetworkOptions, required } from "../../src/networks/index.js";
import { networkModel } from "../../src/slimming/model.js";
import { errorAgainst } from "../../src/slimming/output-error.js";
import { randomParameters, randomPatches, smallNetworks } from "./networks.js";

it("measures a student's error in dB, of luma and a sixteenth of each colour's", async () => {
  const [options] = smallNetworks(2, 16) as [NetworkOptions];
  const model = networkModel(options);
  const parameters = randomParameters(options);
  const patches = randomPatches(3);
  const errorOf = await errorAgainst(model, parameters, patches);
  expect(await errorOf(parameters)).toBeCloseTo(10 * Math.log10(1 / 12), 6);
  const shifted = new Map([...parameters.keys()].map((name) => [name, required(parameters, name)]));
  const { shape, data } = required(parameters, "tail.bias");
  shifted.set("tail.bias", { shape, data: data.map((value) => value + 2) });
  const [luma, colour] = [(2 * 219) / 255, 2 / 4];
  const expected = 10 * Math.log10(luma ** 2 + 3 * colour ** 2 + 1 / 12);
  expect(await errorOf(shifted)).toBeCloseTo(expected, 3);
});
