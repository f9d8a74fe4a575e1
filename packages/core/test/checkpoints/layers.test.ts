import { describe, expect, it } from "vitest";
import { checkParameters } from "../../src/checkpoints/shapes.js";
import { analyseChannels } from "../../src/model/channels.js";
import { materialise, splitByCounts } from "../../src/model/split.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes, structure } from "../../src/networks/index.js";
import { stateTensor } from "./support.js";

type Layer = readonly [name: string, filters: number, channels: number, kernel: number];

const n = 24;
const common = { features: n, mean: DIV2K_MEAN, range: 255 } as const;
const networks: NetworkOptions[] = [
  { architecture: "edsr", scale: 2, ...common, blocks: 3, resScale: 0.5 },
  { architecture: "rcan", scale: 3, ...common, groups: 2, blocks: 2, reduction: 4 },
  { architecture: "carn", scale: 4, ...common, variant: "csd" },
  { architecture: "carn", scale: 2, ...common, variant: "original" },
];

const residual = (name: string): Layer[] => [
  [`${name}.conv1`, n, n, 3],
  [`${name}.conv2`, n, n, 3],
];
const attention = (name: string): Layer[] => [
  ...residual(name),
  [`${name}.down`, n / 4, n, 1],
  [`${name}.up`, n, n / 4, 1],
];
const cascade = (name: string, unit: (name: string) => Layer[]): Layer[] =>
  [0, 1, 2].flatMap((i): Layer[] => [...unit(`${name}.units.${i}`), [`${name}.fuse.${i}`, n, (i + 2) * n, 1]]);
const shuffles = (...factors: number[]): Layer[] =>
  factors.map((factor, i) => [`upsampler.blocks.${i}`, factor ** 2 * n, n, 3]);

const edsr: Layer[] = [...[0, 1, 2].flatMap((b) => residual(`body.${b}`)), ["body_conv", n, n, 3]];
const rcan: Layer[] = [
  ...[0, 1].flatMap((g): Layer[] => [
    ...[0, 1].flatMap((b) => attention(`body.${g}.body.${b}`)),
    [`body.${g}.conv`, n, n, 3],
  ]),
  ["body_conv", n, n, 3],
];
const carn = cascade("body", (name) => cascade(name, residual));

/** Layers between head and tail, and how many groups of channels there are. */
const expected: [network: NetworkOptions, layers: Layer[], groups: number][] = [
  // The stream, three within blocks and the shuffled.
  [networks[0] as NetworkOptions, [...edsr, ...shuffles(2)], 1 + 3 + 1],
  [networks[1] as NetworkOptions, [...rcan, ...shuffles(3)], 1 + 2 * 4 + 1],
  // The head's, nine within blocks, what twelve fusions write.
  [networks[2] as NetworkOptions, [...carn, ...shuffles(2, 2)], 1 + 9 + 12 + 2],
  [networks[3] as NetworkOptions, [...carn, ...shuffles(2)], 1 + 9 + 12 + 1],
];

describe("layers of checkpoints", () => {
  it.each(expected)("are the graph's: $architecture ×$scale", (network, layers) => {
    const shapes = new Map<string, number[]>();
    for (const [name, filters, channels, kernel] of [["head", n, 3, 3], ...layers, ["tail", 3, n, 3]] as Layer[]) {
      shapes.set(`${name}.weight`, [filters, channels, kernel, kernel]);
      shapes.set(`${name}.bias`, [filters]);
    }
    expect([...parameterShapes(network)]).toEqual([...shapes]);
  });

  it.each(expected)("share channels exactly where the graph's do: $architecture ×$scale", (network, _, groups) => {
    const { graph, shapes } = structure(network);
    const analysis = analyseChannels(
      graph,
      graph.inputs.filter(({ name }) => !shapes.has(name)),
    );
    const whole = new Map([...shapes].map(([name, shape]) => [name, stateTensor([...shape], () => 0)]));
    // As many different sizes as there are groups
    const counts = analysis.groups.map(({ size }, index) => 1 + (index % size));
    const student = new Map([...materialise(whole, splitByCounts(graph.inputs, analysis, counts))].map(asState));
    expect(() => checkParameters(network, student, "student")).not.toThrow();
    expect(analysis.groups.length).toBe(groups);
    // One channel more in one layer's filters is one that its readers lack.
    for (const [name, { shape }] of student) {
      if (!name.endsWith(".weight")) continue;
      const wider = [(shape[0] as number) + 1, ...shape.slice(1)];
      const wrong = new Map(student).set(
        name,
        stateTensor(wider, () => 0),
      );
      expect(() => checkParameters(network, wrong, "student"), name).toThrow("expected");
    }
  });

  it("of more channels than can be followed are refused when slim", () => {
    const network: NetworkOptions = {
      ...common,
      architecture: "edsr",
      scale: 2,
      features: 4096,
      blocks: 256,
      resScale: 1,
    };
    const thin = new Map([...parameterShapes(network)].map(([name, shape]) => [name, stateTensor(shape.map(() => 1))]));
    expect(() => checkParameters(network, thin, "thin.safetensors")).toThrow(/thin\.safetensors .* at most 1048576/);
  });
});

function asState([name, { shape, data }]: [string, { shape: readonly number[]; data: Float32Array }]) {
  return [name, { dtype: "float32", shape, data }] as const;
}
