import { describe, expect, it } from "vitest";
import {
  halfWidth,
  outputOf,
  randomPatches,
  rootMeanSquare,
  smallNetworks,
} from "../../../../../test/support/small-networks.js";
import { Graph, liveNodes, type Value } from "../../../../core/src/graph/index.js";
import { importedModel } from "../../../../core/src/model/imported.js";
import { channelAnalysis, type Model } from "../../../../core/src/model/model.js";
import { materialise, splitByCounts } from "../../../../core/src/model/split.js";
import { conv, relu } from "../../../../core/src/operators/index.js";
import { measureMoments } from "../../../src/calibration/moments.js";
import { randomNumbers } from "../../../src/random.js";
import { slimTeacher } from "../../../src/slimming/aligned-teacher.js";
import { foldDropped } from "../../../src/slimming/refitting/fold-dropped.js";

/** Eight channels behind a ReLU, of which the last four are combinations of the first with positive weights and biases. */
function dependentNetwork() {
  const graph = new Graph("dependent");
  const random = randomNumbers(5);
  const uniform = (length: number) => Float32Array.from({ length }, () => random());
  const [weight, bias, mixing] = [uniform(8 * 27), uniform(8), uniform(16)];
  for (let i = 0; i < 4; i++) {
    const mixed = (value: (k: number) => number) =>
      [0, 1, 2, 3].reduce((sum, k) => sum + (mixing[i * 4 + k] as number) * value(k), 0);
    for (let j = 0; j < 27; j++) weight[(4 + i) * 27 + j] = mixed((k) => weight[k * 27 + j] as number);
    bias[4 + i] = mixed((k) => bias[k] as number) + 3;
  }
  const read = relu(
    conv(
      graph.input("image", [1, 3, 8, 8]),
      graph.constant(weight, [8, 3, 3, 3], { name: "first.weight" }),
      graph.constant(bias, [8], { name: "first.bias" }),
      { pads: [1, 1, 1, 1] },
    ),
  );
  const [last, shift] = [uniform(24).map((value) => value - 0.5), uniform(3)];
  graph.output(
    "result",
    conv(
      read,
      graph.constant(last, [3, 8, 1, 1], { name: "last.weight" }),
      graph.constant(shift, [3], { name: "last.bias" }),
    ),
  );
  const model = importedModel(graph);
  return { model, read: liveNodes(model.graph).at(-1)?.inputs[0] as Value };
}

describe("what kept channels tell of dropped ones", () => {
  it("makes up for them where they are affine functions of the kept", async () => {
    const { model, read } = dependentNetwork();
    const patches = randomPatches(6);
    const split = splitByCounts(model.places.values(), channelAnalysis(model), [4]);
    const ideal = await outputOf(model, patches);
    const error = async (student: Model) =>
      rootMeanSquare(await outputOf(student, patches), ideal) / rootMeanSquare(ideal);
    expect(await error({ ...model, parameters: materialise(model.parameters, split) })).toBeGreaterThan(0.1);
    const moments = await measureMoments(model, [read], patches);
    expect(await error(foldDropped(model, split, moments))).toBeLessThan(2e-3);
  });

  for (const options of smallNetworks(2, 16)) {
    const variant = options.architecture === "carn" ? ` ${options.variant}` : "";
    it(`brings a slice of ${options.architecture}${variant} nearer to its teacher, on images that it hasn't seen`, async () => {
      const { teacher, counts, patches, errorOf } = await halfWidth(options);
      const error = async (moments: typeof teacher.moments) =>
        errorOf(await slimTeacher({ ...teacher, moments }, counts, patches, false));
      expect(await error(teacher.moments)).toBeLessThan(await error(new Map()));
    });
  }
});
