import { describe, expect, it } from "vitest";
import {
  outputOf,
  randomPatches,
  rootMeanSquare,
  smallModel,
  smallNetworks,
} from "../../../../../test/support/small-networks.js";
import { NetworkError } from "../../../../core/src/errors.js";
import { channelAnalysis } from "../../../../core/src/model/model.js";
import { SCALES } from "../../../../core/src/networks/index.js";
import { alignTeacher } from "../../../src/slimming/aligned-teacher.js";
import { align } from "../../../src/slimming/alignment/align.js";

const cases = SCALES.flatMap((scale) => [10, 12].flatMap((features) => smallNetworks(scale, features)));

describe("alignment", () => {
  for (const options of cases) {
    const variant = options.architecture === "carn" ? ` ${options.variant}` : "";
    it(`keeps the output of ${options.architecture}${variant} ×${options.scale}, ${options.features} features`, async () => {
      const model = smallModel(options);
      const patches = randomPatches(3);
      const before = await outputOf(model, patches);
      for (const alignment of ["sort", "pca", "balanced"] as const) {
        const aligned = await alignTeacher(model, patches, alignment);
        const after = await outputOf(aligned.model, patches);
        expect(rootMeanSquare(after, before)).toBeLessThan(2e-5 * rootMeanSquare(before));
        expect(aligned.difference).toBeLessThan(1e-4);
        // Something did change: the weights are those of other channels.
        const [head, original] = [aligned.model, model].map(({ parameters }) => parameters.get("tail.weight")?.data);
        expect(head).not.toEqual(original);
      }
    });
  }

  it("orders losses of a PCA-aligned linear stream", async () => {
    const [options] = smallNetworks(2, 16) as [(typeof cases)[number]];
    const { losses } = await alignTeacher(smallModel(options), randomPatches(3), "balanced");
    const [stream] = losses;
    expect(stream?.shared).toBe(true);
    const half = (from: number) => stream?.perChannel.slice(from, from + 8).reduce((a, b) => a + b, 0) ?? 0;
    expect(half(0)).toBeGreaterThan(half(8));
  });

  it("refuses a basis that a group isn't free to take, or of another size", () => {
    const [options] = smallNetworks(2) as [(typeof cases)[number]];
    const model = smallModel(options);
    const { groups } = channelAnalysis(model);
    const matrix = new Float64Array(64);
    const inner = groups.findIndex(({ freedom }) => freedom === "scaling");
    const bases = groups.map((_, g) =>
      g === inner ? ({ kind: "matrix", matrix, inverse: matrix } as const) : undefined,
    );
    expect(() => align(model, bases)).toThrow(NetworkError);
    expect(() => align(model, [{ kind: "order", order: [1, 0] }])).toThrow(/2 channels for a group of 8/);
    expect(() => align(model, [{ kind: "order", order: [0, 0, 1, 2, 3, 4, 5, 6] }])).toThrow(/permutation/);
  });
});
