import { describe, expect, it } from "vitest";
import {
  halfWidth,
  outputOf,
  randomParameters,
  randomPatches,
  rootMeanSquare,
  smallModel,
  smallNetworks,
} from "../../../../../test/support/small-networks.js";
import { NetworkError } from "../../../../core/src/errors.js";
import { Graph } from "../../../../core/src/graph/index.js";
import { importedModel } from "../../../../core/src/model/imported.js";
import { channelAnalysis } from "../../../../core/src/model/model.js";
import { countsAtWidth, materialise, splitByCounts } from "../../../../core/src/model/split.js";
import { conv, pixelShuffle } from "../../../../core/src/operators/index.js";
import { randomNumbers } from "../../../src/calibration/random.js";
import { alignTeacher, slimTeacher } from "../../../src/slimming/aligned-teacher.js";
import { refit } from "../../../src/slimming/refitting/refit.js";

/** Three convolutions without biases whose eight channels carry only four independent ones. */
function lowRankNetwork() {
  const graph = new Graph("linear");
  const random = randomNumbers(5);
  const uniform = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
  const lowRank = (rows: number, columns: number) => {
    const [left, right] = [uniform(rows * 4), uniform(4 * columns)];
    return Float32Array.from({ length: rows * columns }, (_, i) =>
      [0, 1, 2, 3].reduce(
        (sum, k) =>
          sum + (left[Math.floor(i / columns) * 4 + k] as number) * (right[k * columns + (i % columns)] as number),
        0,
      ),
    );
  };
  const pads = [1, 1, 1, 1];
  let x = graph.input("image", [1, 3, 8, 8]);
  x = conv(x, graph.constant(lowRank(8, 27), [8, 3, 3, 3], { name: "first" }), undefined, { pads });
  x = conv(x, graph.constant(lowRank(8, 72), [8, 8, 3, 3], { name: "second" }), undefined, { pads });
  x = conv(x, graph.constant(uniform(12 * 72), [12, 8, 3, 3], { name: "third" }), undefined, { pads });
  graph.output("result", pixelShuffle(x, 2));
  return importedModel(graph);
}

describe("refit", () => {
  it("is exact where a linear network has no more independent channels than are kept", async () => {
    const model = lowRankNetwork();
    const analysis = channelAnalysis(model);
    const patches = randomPatches(6);
    const ideal = await outputOf(model, patches);
    const counts = countsAtWidth(analysis.groups, 0.5);
    const split = splitByCounts(model.places.values(), analysis, counts);
    for (const alignment of ["plain", "pca", "balanced"] as const) {
      const teacher = await alignTeacher(model, patches, alignment);
      const sliced = { ...model, parameters: materialise(teacher.model.parameters, split) };
      const refitted = await refit(teacher.model, sliced, split, patches, { ridge: 1e-8 });
      expect(rootMeanSquare(await outputOf(refitted, patches), ideal)).toBeLessThan(1e-3 * rootMeanSquare(ideal));
    }
    const plain = await alignTeacher(model, patches, "plain");
    const sliced = await slimTeacher(plain, counts, patches, false);
    expect(rootMeanSquare(await outputOf(sliced, patches), ideal)).toBeGreaterThan(0.1 * rootMeanSquare(ideal));
  });

  for (const options of smallNetworks(2, 16)) {
    const variant = options.architecture === "carn" ? ` ${options.variant}` : "";
    it(`brings a sliced ${options.architecture}${variant} nearer to its teacher, on images that it hasn't seen`, async () => {
      const { teacher, counts, patches, errorOf } = await halfWidth(options);
      const error = async (refitted: boolean) => errorOf(await slimTeacher(teacher, counts, patches, refitted));
      expect(await error(true)).toBeLessThan(await error(false));
    });
  }

  it("keeps what calibration doesn't determine: constant patches, a single one, fewer positions than weights", async () => {
    const [options] = smallNetworks(2, 16) as [ReturnType<typeof smallNetworks>[number]];
    const model = smallModel(options);
    const { groups } = channelAnalysis(model);
    const unseen = randomPatches(2, 12, 9);
    const ideal = await outputOf(model, unseen);
    const constant = { ...randomPatches(2), data: new Float32Array(2 * 3 * 144).fill(128) };
    for (const patches of [constant, randomPatches(1), randomPatches(1, 3)]) {
      const teacher = await alignTeacher(model, patches, "balanced");
      expect(teacher.difference).toBeLessThan(1e-3);
      const whole = await slimTeacher(teacher, countsAtWidth(groups, 1), patches, true);
      expect(rootMeanSquare(await outputOf(whole, unseen), ideal)).toBeLessThan(1e-2 * rootMeanSquare(ideal));
      const half = await slimTeacher(teacher, countsAtWidth(groups, 0.5), patches, true);
      expect((await outputOf(half, unseen)).every(Number.isFinite)).toBe(true);
    }
  });

  it("refuses weights that yield infinite activations", async () => {
    const [options] = smallNetworks(2) as [ReturnType<typeof smallNetworks>[number]];
    const model = smallModel(options);
    model.parameters.get("body.0.conv1.weight")?.data.fill(Number.POSITIVE_INFINITY);
    const teacher = { model, losses: [], moments: new Map(), difference: 0 };
    const counts = countsAtWidth(channelAnalysis(model).groups, 0.5);
    await expect(slimTeacher(teacher, counts, randomPatches(1), true)).rejects.toThrow(NetworkError);
  });

  it("refuses counts that aren't the groups'", () => {
    const [options] = smallNetworks(2) as [ReturnType<typeof smallNetworks>[number]];
    const model = smallModel(options);
    const { places } = model;
    const analysis = channelAnalysis(model);
    const split = (counts: number[]) => splitByCounts(places.values(), analysis, counts);
    const full = analysis.groups.map(({ size }) => size);
    expect(() => split(full.slice(1))).toThrow(/give one for each/);
    for (const wrong of [0, 9, 2.5, Number.NaN]) {
      expect(() => split([wrong, ...full.slice(1)])).toThrow(/layer head has 8 channels/);
    }
    expect(materialise(randomParameters(options), split(full)).get("head.weight")?.shape).toEqual([8, 3, 3, 3]);
  });
});
