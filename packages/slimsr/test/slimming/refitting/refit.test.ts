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
import { exportModel } from "../../../../core/src/export/onnx.js";
import { Graph, type Value } from "../../../../core/src/graph/index.js";
import { importedModel } from "../../../../core/src/model/imported.js";
import { channelAnalysis, type Model } from "../../../../core/src/model/model.js";
import { countsAtWidth, materialise, splitByCounts } from "../../../../core/src/model/split.js";
import { readOnnx } from "../../../../core/src/onnx/index.js";
import { add, conv, div, pixelShuffle, relu } from "../../../../core/src/operators/index.js";
import { randomNumbers } from "../../../src/random.js";
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

/** A network from an image of 3 channels, of random weights. */
class Builder {
  readonly #graph = new Graph("built");
  readonly #random = randomNumbers(6);
  readonly image = div(this.#graph.input("image", [1, 3, 8, 8]), 255);

  parameters(name: string, shape: readonly [number, number, number, number]): [weight: Value, bias: Value] {
    const size = Math.sqrt(3 / (shape[1] * shape[2] * shape[3]));
    const uniform = (length: number) => Float32Array.from({ length }, () => (2 * this.#random() - 1) * size);
    const weight = uniform(shape[0] * shape[1] * shape[2] * shape[3]);
    return [
      this.#graph.constant(weight, shape, { name: `${name}.weight` }),
      this.#graph.constant(uniform(shape[0]), [shape[0]], { name: `${name}.bias` }),
    ];
  }

  conv(name: string, x: Value, filters: number, side: number): Value {
    const [weight, bias] = this.parameters(name, [filters, x.shape[1] as number, side, side]);
    const pad = (side - 1) / 2;
    return conv(x, weight, bias, { pads: [pad, pad, pad, pad] });
  }

  model(output: Value): Model {
    this.#graph.output("result", output);
    return importedModel(this.#graph);
  }
}

/** How far students of some widths are from their teacher on the images that they were fitted to, relative to its output. */
async function errorsAt(model: Model, widths: readonly number[]): Promise<number[]> {
  const patches = randomPatches(4);
  const ideal = await outputOf(model, patches);
  const teacher = await alignTeacher(model, patches, "balanced");
  const errors: number[] = [];
  for (const width of widths) {
    const counts = countsAtWidth(channelAnalysis(model).groups, width);
    const student = await slimTeacher(teacher, counts, patches, true);
    errors.push(rootMeanSquare(await outputOf(student, patches), ideal) / rootMeanSquare(ideal));
  }
  return errors;
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

  it("solves convolutions whose sum is shuffled, one of them of the image (QuickSRNet's and SESR's)", async () => {
    const b = new Builder();
    const body = b.conv("second", relu(b.conv("first", b.image, 8, 3)), 12, 3);
    const model = b.model(pixelShuffle(add(body, b.conv("skip", b.image, 12, 1)), 2));
    expect(await errorsAt(model, [1, 0.5])).toEqual([expect.closeTo(0, 5), expect.any(Number)]);
  });

  it("takes a network as it is exported here, its last convolutions cut into parts that are added", async () => {
    const [options] = smallNetworks(2, 20) as [ReturnType<typeof smallNetworks>[number]];
    const { graph } = readOnnx(exportModel(smallModel(options)), { sizes: { batch: 1, height: 8, width: 8 } });
    const [whole, half] = await errorsAt(importedModel(graph), [1, 0.5]);
    expect(whole).toBeLessThan(1e-4);
    expect(half).toBeLessThan(1);
  });

  it("leaves convolutions that share their weights as they were sliced", async () => {
    const b = new Builder();
    const first = relu(b.conv("a", b.image, 8, 3));
    const [weight, bias] = b.parameters("shared", [8, 8, 3, 3]);
    const again = (x: Value) => relu(conv(x, weight, bias, { pads: [1, 1, 1, 1] }));
    const model = b.model(pixelShuffle(b.conv("c", again(again(first)), 12, 3), 2));
    expect(await errorsAt(model, [1])).toEqual([expect.closeTo(0, 5)]);
    const patches = randomPatches(4);
    const teacher = await alignTeacher(model, patches, "plain");
    const half = await slimTeacher(teacher, [4], patches, true);
    const split = splitByCounts(model.places.values(), channelAnalysis(model), [4]);
    const sliced = materialise(model.parameters, split);
    expect(half.parameters.get("c.weight")?.data).not.toEqual(sliced.get("c.weight")?.data);
    const [own, expected] = [half.parameters, sliced].map((parameters) => parameters.get("shared.weight")?.data);
    // Equalised, all of one group: by factors that cancel within the shared weight's diagonal.
    for (let c = 0; c < 4; c++) expect(own?.[(c * 4 + c) * 9]).toBeCloseTo(expected?.[(c * 4 + c) * 9] as number, 5);
  });

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

  it("finds the same from batches of two sizes as from one", async () => {
    const [options] = smallNetworks(2, 16) as [ReturnType<typeof smallNetworks>[number]];
    const model = smallModel(options);
    const analysis = channelAnalysis(model);
    const split = splitByCounts(model.places.values(), analysis, countsAtWidth(analysis.groups, 0.5));
    const student = { ...model, parameters: materialise(model.parameters, split) };
    const [whole, parts] = await Promise.all(
      [10, 4].map((batch) => refit(model, student, split, randomPatches(10), { batch })),
    );
    for (const [name, { data }] of whole?.parameters ?? []) {
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const difference = data.map((value, i) => Math.abs(value - (parts?.parameters.get(name)?.data[i] as number)));
      expect(Math.max(...difference), name).toBeLessThan(1e-3 * largest);
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
