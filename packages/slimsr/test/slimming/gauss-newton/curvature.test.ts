import { expect, it } from "vitest";
import { randomPatches } from "../../../../../test/support/small-networks.js";
import { Graph } from "../../../../core/src/graph/index.js";
import { packParameters } from "../../../../core/src/model/flat.js";
import { importedModel } from "../../../../core/src/model/imported.js";
import { conv } from "../../../../core/src/operators/index.js";
import { alone } from "../../../src/exchange/exchange.js";
import { randomNumbers } from "../../../src/random.js";
import { curvatureOf } from "../../../src/slimming/gauss-newton/curvature.js";
import { layersOf, shapesOf } from "../../../src/slimming/gauss-newton/layers.js";

const M = [65.481, 128.553, 24.966].map((weight) => weight / 255);

/** M of images' errors: what luma's and, at a sixteenth, colours' squares weigh. */
const weigh = (r: readonly number[]) => {
  const luma = r.reduce((sum, value, c) => sum + (M[c] as number) * value, 0);
  return r.map((value, c) => (M[c] as number) * luma + value / 16);
};

/** For a single convolution of 1×1, Jᵀ·M·J is Σ a·aᵀ ⊗ M. */
it("is the Gauss–Newton matrix of a convolution by itself, to what damping and random signs change", async () => {
  const random = randomNumbers(7);
  const graph = new Graph("pointwise");
  const weight = graph.constant(
    Float32Array.from({ length: 9 }, () => random() - 0.5),
    [3, 3, 1, 1],
    { name: "conv.weight" },
  );
  graph.output("result", conv(graph.input("image", [1, 3, 16, 16]), weight));
  const model = importedModel(graph);
  const patches = randomPatches(16, 16);
  const layers = layersOf(model);
  const shapes = shapesOf(model, layers);
  const curvature = await curvatureOf(model, layers, shapes, packParameters(model.parameters, shapes), [patches], {
    exchange: alone,
    signal: undefined,
  });
  const moments = Array.from({ length: 9 }, () => 0);
  const area = 256;
  for (let image = 0; image < patches.count; image++) {
    for (let p = 0; p < area; p++) {
      const a = [0, 1, 2].map((c) => patches.data[(image * 3 + c) * area + p] as number);
      for (let i = 0; i < 9; i++) {
        moments[i] = (moments[i] as number) + (a[Math.floor(i / 3)] as number) * (a[i % 3] as number);
      }
    }
  }
  const direction = Array.from({ length: 9 }, () => random() - 0.5);
  // g = M·D·Ω for D [O, C].
  const byFeatures = direction.map((_, at) => {
    const [o, c] = [Math.floor(at / 3), at % 3];
    return [0, 1, 2].reduce((sum, k) => sum + (direction[o * 3 + k] as number) * (moments[k * 3 + c] as number), 0);
  });
  const gradient = new Float64Array(9);
  for (let c = 0; c < 3; c++) {
    weigh([0, 1, 2].map((o) => byFeatures[o * 3 + c] as number)).forEach((value, o) => {
      gradient[o * 3 + c] = value;
    });
  }
  const solved = curvature.solve(gradient);
  const size = Math.max(...direction.map(Math.abs));
  // Γ is the mean of 4,096 samples, and a hundredth of the factors' means is added.
  solved.forEach((value, i) => {
    expect(Math.abs(value - (direction[i] as number)), `${i}`).toBeLessThan(0.15 * size);
  });
});
