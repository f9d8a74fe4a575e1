import { expect, it } from "vitest";
import { type NetworkOptions, required } from "../../src/networks/index.js";
import { networkModel } from "../../src/slimming/model.js";
import { errorAgainst } from "../../src/slimming/output-error.js";
import { outputOf, randomParameters, randomPatches, smallNetworks } from "./networks.js";

it("measures what the teacher lacks and what a student adds in dB, of luma and a sixteenth of each colour's", async () => {
  const [options] = smallNetworks(2, 16) as [NetworkOptions];
  const model = networkModel(options);
  const parameters = randomParameters(options);
  const lr = randomPatches(3);
  const ideal = await outputOf(model, parameters, lr);
  const truth = { ...lr, height: 2 * lr.height, width: 2 * lr.width, data: ideal.map((value) => value + 1) };
  const patches = { ...lr, truth };
  const errorOfShift = (shift: number) => ((shift * 219) / 255) ** 2 + 3 * (shift / 4) ** 2;
  const errorOf = await errorAgainst(model, parameters, patches);
  expect(await errorOf(parameters)).toBeCloseTo(10 * Math.log10(errorOfShift(1) + 1 / 12), 3);
  const shifted = new Map([...parameters.keys()].map((name) => [name, required(parameters, name)]));
  const { shape, data } = required(parameters, "tail.bias");
  shifted.set("tail.bias", { shape, data: data.map((value) => value + 2) });
  const expected = 10 * Math.log10(errorOfShift(1) + errorOfShift(2) + 1 / 12);
  expect(await errorOf(shifted)).toBeCloseTo(expected, 3);
});
