import { expect, it } from "vitest";
import { ridgeFor } from "../../../src/slimming/refitting/ridge.js";

it("grows where unknowns are told by few positions, and stays where there are ten for each", () => {
  expect(ridgeFor(1e-4, 33, 48)).toBe(33 / 48);
  expect(ridgeFor(1e-4, 33, 329)).toBe(33 / 329);
  expect(ridgeFor(1e-4, 33, 330)).toBe(1e-4);
  expect(ridgeFor(2, 33, 48)).toBe(2);
});
