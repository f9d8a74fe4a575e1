import { describe, expect, it } from "vitest";
import { networkLayers, nominalChannels } from "../../src/checkpoints/layers.js";
import { channelsAtWidth } from "../../src/checkpoints/shapes.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes } from "../../src/networks/index.js";
import { materialise, splitChannels } from "../../src/slimming/split.js";
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
    for (const { name, inputs, outputs, kernel } of networkLayers(network)) {
      const [rows, columns] = [outputs, inputs].map(({ group, times }) => nominalChannels(network, group) * times);
      shapes.set(`${name}.weight`, [rows as number, columns as number, kernel, kernel]);
      shapes.set(`${name}.bias`, [rows as number]);
    }
    const compared = (map: Iterable<[string, readonly number[]]>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(compared(shapes)).toEqual(compared(parameterShapes(network)));
  });

  it.each(networks)("share channels where a student of the graph does: $architecture ×$scale", (network) => {
    const whole = new Map(
      [...parameterShapes(network)].map(([name, shape]) => [name, stateTensor([...shape], () => 0)]),
    );
    for (const width of [0.75, 0.5, 0.3]) {
      const student = materialise(whole, splitChannels(network, width));
      const channels = channelsAtWidth(network, width);
      for (const { name, inputs, outputs } of networkLayers(network)) {
        const expected = [outputs, inputs].map(({ group, times }) => (channels.get(group) ?? 0) * times);
        expect(student.get(`${name}.weight`)?.shape.slice(0, 2), name).toEqual(expected);
      }
    }
  });
});
