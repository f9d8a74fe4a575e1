import { describe, expect, it } from "vitest";
import { networkLayers, nominalChannels } from "../../src/checkpoints/layers.js";
import { checkParameters } from "../../src/checkpoints/shapes.js";
import { analyseChannels } from "../../src/model/channels.js";
import { materialise, splitByCounts } from "../../src/model/split.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes, structure } from "../../src/networks/index.js";
import { stateTensor } from "./support.js";

const common = { features: 24, mean: DIV2K_MEAN, range: 255 } as const;
const networks: NetworkOptions[] = [
  { architecture: "edsr", scale: 2, ...common, blocks: 3, resScale: 0.5 },
  { architecture: "rcan", scale: 3, ...common, groups: 2, blocks: 2, reduction: 4 },
  { architecture: "carn", scale: 4, ...common, variant: "csd" },
  { architecture: "carn", scale: 2, ...common, variant: "original" },
];

describe("layers of checkpoints", () => {
  it.each(networks)("are the graph's: $architecture ×$scale", (network) => {
    const shapes = new Map<string, number[]>();
    for (const { name, inputs, output, filters, kernel } of networkLayers(network)) {
      const rows = nominalChannels(network, output) * filters;
      const columns = inputs.reduce((sum, group) => sum + nominalChannels(network, group), 0);
      shapes.set(`${name}.weight`, [rows, columns, kernel, kernel]);
      shapes.set(`${name}.bias`, [rows]);
    }
    const compared = (map: Iterable<[string, readonly number[]]>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(compared(shapes)).toEqual(compared(parameterShapes(network)));
  });

  it.each(networks)("share channels exactly where the graph's do: $architecture ×$scale", (network) => {
    const { graph, shapes } = structure(network);
    const analysis = analyseChannels(
      graph,
      graph.inputs.filter(({ name }) => !shapes.has(name)),
    );
    const whole = new Map([...shapes].map(([name, shape]) => [name, stateTensor([...shape], () => 0)]));
    // As many different sizes as there are groups
    const counts = analysis.groups.map(({ size }, index) => 1 + (index % size));
    const student = materialise(whole, splitByCounts(graph.inputs, analysis, counts));
    expect(() => checkParameters(network, new Map([...student].map(asState)), "student")).not.toThrow();
    const groups = networkLayers(network).flatMap(({ inputs, output }) => [...inputs, output]);
    expect(new Set(groups.filter((group) => group !== "image")).size).toBe(analysis.groups.length);
  });
});

function asState([name, { shape, data }]: [string, { shape: readonly number[]; data: Float32Array }]) {
  return [name, { dtype: "float32", shape, data }] as const;
}
