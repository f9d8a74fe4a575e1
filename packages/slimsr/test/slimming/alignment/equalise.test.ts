import { describe, expect, it } from "vitest";
import {
  outputOf,
  randomPatches,
  rootMeanSquare,
  smallModel,
  smallNetworks,
} from "../../../../../test/support/small-networks.js";
import { channelAnalysis, type Model } from "../../../../core/src/model/model.js";
import { countsAtWidth, materialise, splitByCounts } from "../../../../core/src/model/split.js";
import { type Parameters, required } from "../../../../core/src/networks/index.js";
import { align } from "../../../src/slimming/alignment/align.js";
import { equalise } from "../../../src/slimming/alignment/equalise.js";

/** Root mean squares of the slices of a weight along an axis. */
function sizes(parameters: Parameters, name: string, axis: 0 | 1): number[] {
  const { shape, data } = required(parameters, name);
  const [filters, channels, taps] = [
    shape[0] as number,
    shape[1] as number,
    (shape[2] as number) * (shape[3] as number),
  ];
  const sums = new Array<number>(axis === 0 ? filters : channels).fill(0);
  data.forEach((value, i) => {
    const at = axis === 0 ? Math.floor(i / (channels * taps)) : Math.floor(i / taps) % channels;
    sums[at] = (sums[at] as number) + value ** 2;
  });
  return sums.map((sum) => Math.sqrt((sum * sums.length) / data.length));
}

describe("equalising", () => {
  for (const options of [2, 4].flatMap((scale) => smallNetworks(scale as 2 | 4))) {
    const name = `${options.architecture}${options.architecture === "carn" ? ` ${options.variant}` : ""} ×${options.scale}`;
    it(`keeps what ${name} and its student compute`, async () => {
      const model = smallModel(options);
      const analysis = channelAnalysis(model);
      const patches = randomPatches(2);
      const before = await outputOf(model, patches);
      const after = await outputOf(equalise(model).model, patches);
      expect(rootMeanSquare(after, before)).toBeLessThan(2e-5 * rootMeanSquare(before));
      const split = splitByCounts(model.places.values(), analysis, countsAtWidth(analysis.groups, 0.5));
      const student = { ...model, parameters: materialise(model.parameters, split) };
      const slim = await outputOf(student, patches);
      const scaled = await outputOf(equalise(student, split).model, patches);
      expect(rootMeanSquare(scaled, slim)).toBeLessThan(2e-5 * rootMeanSquare(slim));
    });
  }

  it("makes what writes a channel as large as what reads it, whatever its scale was", () => {
    const [edsr] = smallNetworks(2) as [ReturnType<typeof smallNetworks>[number]];
    const model = smallModel(edsr);
    const uneven = align(
      model,
      channelAnalysis(model).groups.map(({ size, freedom }) => {
        if (freedom !== "linear") return undefined;
        const factors = Array.from({ length: size }, (_, i) => 10 ** (i % 5));
        const diagonal = (value: (factor: number) => number) =>
          Float64Array.from({ length: size ** 2 }, (_, i) =>
            i % (size + 1) === 0 ? value(factors[i % size] as number) : 0,
          );
        return { kind: "matrix", matrix: diagonal((f) => f), inverse: diagonal((f) => 1 / f) };
      }),
    );
    const even = equalise(uneven).model;
    const ratio = ({ parameters }: Model) => {
      const [written, read] = [
        sizes(parameters, "body.0.conv1.weight", 0),
        sizes(parameters, "body.0.conv2.weight", 1),
      ];
      return Math.max(...written.map((size, i) => Math.abs(Math.log(size / (read[i] as number)))));
    };
    const spread = ({ parameters }: Model) => {
      const all = sizes(parameters, "body.0.conv1.weight", 1);
      return Math.max(...all) / Math.min(...all);
    };
    expect(spread(uneven)).toBeGreaterThan(1e3);
    expect(spread(even)).toBeLessThan(5);
    expect(ratio(even)).toBeLessThan(0.02);
  });
});
