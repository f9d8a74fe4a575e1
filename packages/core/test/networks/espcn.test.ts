import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { modelOf, parameterCount, randomParameters } from "../../../../test/support/networks.js";
import { Graph } from "../../src/graph/index.js";
import { channelAnalysis } from "../../src/model/model.js";
import { buildNetwork, constants, type NetworkOptions, networkOptions, type Scale } from "../../src/networks/index.js";

const espcn = (scale: Scale, features = 64): NetworkOptions => ({
  ...{ architecture: "espcn", scale, features, mean: [114, 111, 103], range: 1 },
});

describe("ESPCN", () => {
  it.each([2, 3, 4] as const)("has the paper's layers, of RGB, ×%i", (scale) => {
    const layers = 64 * (3 * 5 ** 2 + 1) + 32 * (64 * 3 ** 2 + 1) + 3 * scale ** 2 * (32 * 3 ** 2 + 1);
    expect(parameterCount(randomParameters(espcn(scale)))).toBe(layers);
  });

  it("has all of its tail's channels to itself, which are the image's", () => {
    const model = modelOf(espcn(3));
    const { places } = model;
    const analysis = channelAnalysis(model);
    expect(analysis.groups.map(({ size, freedom }) => [size, freedom])).toEqual([
      [64, "permutation"],
      [32, "permutation"],
    ]);
    for (const name of ["tail.weight", "tail.bias"]) {
      const place = places.get(name);
      expect(place && analysis.unitsOf(place, 0)).toBeUndefined();
    }
  });

  it("puts the filters of a colour side by side", async () => {
    const network = espcn(2, 4);
    const parameters = randomParameters(network);
    parameters.get("tail.weight")?.data.fill(0);
    parameters.get("tail.bias")?.data.forEach((_, i, data) => {
      data[i] = i / 255;
    });
    const graph = new Graph("sr");
    graph.output("sr", buildNetwork(network, graph.input("lr", [1, 3, 1, 1]), constants(graph, parameters)));
    const sr = floats(await evaluate(graph, { lr: tensor([1, 3, 1, 1], [0, 128, 255]) }), "sr");
    const expected = [114, 111, 103].flatMap((mean, c) => [0, 1, 2, 3].map((pixel) => mean + 4 * c + pixel));
    sr.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 3);
    });
  });

  it("needs two features at least, for half of them are left in its second layer", () => {
    expect(networkOptions.safeParse(espcn(2, 2)).success).toBe(true);
    expect(networkOptions.safeParse(espcn(2, 1)).success).toBe(false);
  });
});
