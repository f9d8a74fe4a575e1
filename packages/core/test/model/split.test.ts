import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { carn, edsr, modelOf, randomParameters, rcan } from "../../../../test/support/networks.js";
import { NetworkError } from "../../src/errors.js";
import { Graph, type Value } from "../../src/graph/index.js";
import { channelAnalysis } from "../../src/model/model.js";
import { countsAtWidth, materialise, type SplitMode, sharedSource, splitChannels } from "../../src/model/split.js";
import { buildNetwork, constants, type NetworkOptions, parameterShapes, type Scale } from "../../src/networks/index.js";

const WIDTHS = [0.25, 0.5, 0.3] as const;
/** So many that all of the widths differ. */
const FEATURES = { features: 20 };
const MODES: SplitMode[] = ["aligned", "official"];

/** Shapes of a student's parameters. */
function studentShapes(network: NetworkOptions, width: number, mode?: SplitMode): Record<string, readonly number[]> {
  const student = materialise(randomParameters(network), splitChannels(modelOf(network), width, mode));
  return Object.fromEntries([...student].map(([name, { shape }]) => [name, shape]));
}

describe("a student's layers", () => {
  it("keep ⌊w·C⌋ channels, all of an image's, and r² of each before a shuffle (EDSR)", () => {
    const shapes = studentShapes(edsr(4, { features: 10, blocks: 1 }), 0.37);
    expect(shapes).toEqual({
      "head.weight": [3, 3, 3, 3],
      "head.bias": [3],
      "body.0.conv1.weight": [3, 3, 3, 3],
      "body.0.conv1.bias": [3],
      "body.0.conv2.weight": [3, 3, 3, 3],
      "body.0.conv2.bias": [3],
      "body_conv.weight": [3, 3, 3, 3],
      "body_conv.bias": [3],
      "upsampler.blocks.0.weight": [12, 3, 3, 3],
      "upsampler.blocks.0.bias": [12],
      "upsampler.blocks.1.weight": [12, 3, 3, 3],
      "upsampler.blocks.1.bias": [12],
      "tail.weight": [3, 3, 3, 3],
      "tail.bias": [3],
    });
    expect(studentShapes(edsr(3, { features: 16 }), 0.5)["upsampler.blocks.0.weight"]).toEqual([72, 8, 3, 3]);
  });

  it.each([
    [64, 16, 0.25, 1],
    [64, 16, 0.5, 2],
    [64, 16, 0.75, 3],
    [64, 16, 0.99, 3],
    [48, 8, 0.5, 3],
  ])("keep ⌊w·%i/%i⌋ channels in RCAN's gates: width %f, %i", (features, reduction, width, bottleneck) => {
    const shapes = studentShapes(rcan(2, { features, reduction, groups: 1, blocks: 1 }), width);
    const wide = Math.floor(width * features);
    expect(bottleneck).toBe(Math.floor((width * features) / reduction));
    expect(shapes["body.0.body.0.down.weight"]).toEqual([bottleneck, wide, 1, 1]);
    expect(shapes["body.0.body.0.down.bias"]).toEqual([bottleneck]);
    expect(shapes["body.0.body.0.up.weight"]).toEqual([wide, bottleneck, 1, 1]);
    expect(shapes["body.0.body.0.up.bias"]).toEqual([wide]);
  });

  it("keep the first of each part of CARN's concatenations, or the first of the whole", () => {
    const network = carn(2, { features: 10 });
    const parameters = randomParameters(network);
    const teacher = parameters.get("body.units.1.fuse.1.weight")?.data as Float32Array;
    const columns = (mode: SplitMode) => {
      const fused = materialise(parameters, splitChannels(modelOf(network), 0.4, mode)).get(
        "body.units.1.fuse.1.weight",
      );
      expect(fused?.shape).toEqual([4, 12, 1, 1]);
      // Which columns of the teacher's first row the student's are.
      return Array.from(fused?.data.subarray(0, 12) ?? [], (value) => teacher.indexOf(value));
    };
    expect(columns("aligned")).toEqual([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]);
    expect(columns("official")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it("are aligned where nothing else is asked for, and elsewhere the modes agree", () => {
    expect(splitChannels(modelOf(carn(2)), 0.5)).toEqual(splitChannels(modelOf(carn(2)), 0.5, "aligned"));
    expect(splitChannels(modelOf(carn(2)), 0.5)).not.toEqual(splitChannels(modelOf(carn(2)), 0.5, "official"));
    for (const network of [edsr(4), rcan(3)]) {
      expect(splitChannels(modelOf(network), 0.5, "official")).toEqual(splitChannels(modelOf(network), 0.5, "aligned"));
    }
  });

  it("hold the teacher's own values", () => {
    const network = edsr(2, { features: 8, blocks: 1 });
    const parameters = randomParameters(network);
    const student = materialise(parameters, splitChannels(modelOf(network), 0.5));
    const [whole, part] = [parameters.get("body.0.conv1.weight"), student.get("body.0.conv1.weight")];
    for (let o = 0; o < 4; o++) {
      for (let i = 0; i < 4; i++) {
        for (let k = 0; k < 9; k++) {
          expect(part?.data[(o * 4 + i) * 9 + k]).toBe(whole?.data[(o * 8 + i) * 9 + k]);
        }
      }
    }
  });

  it("are a copy: what changes there doesn't change the teacher", () => {
    const parameters = randomParameters(edsr(2));
    const student = materialise(parameters, splitChannels(modelOf(edsr(2)), 1));
    const before = parameters.get("tail.bias")?.data.slice();
    student.get("tail.bias")?.data.fill(99);
    expect(parameters.get("tail.bias")?.data).toEqual(before);
  });
});

describe("a width", () => {
  it.each([edsr(4), rcan(3), carn(2), carn(2, { variant: "original" })])(
    "of 1 is the teacher: $architecture",
    (network) => {
      expect(splitChannels(modelOf(network), 1).size).toBe(0);
      expect(splitChannels(modelOf(network), 1, "official").size).toBe(0);
      const parameters = randomParameters(network);
      expect(materialise(parameters, new Map())).toEqual(parameters);
    },
  );

  it.each([0, -0.5, 1.01, Number.NaN, Number.POSITIVE_INFINITY])("of %d is refused", (width) => {
    expect(() => splitChannels(modelOf(edsr(2)), width)).toThrow(NetworkError);
    expect(() => splitChannels(modelOf(edsr(2)), width)).toThrow(`width ${width} must lie above 0 and not above 1`);
  });

  it("that leaves a layer without channels is refused, naming both", () => {
    expect(() => splitChannels(modelOf(edsr(2)), 0.06)).toThrow(NetworkError);
    expect(() => splitChannels(modelOf(edsr(2)), 0.06)).toThrow(
      /width 0\.06 leaves layer head \(16 channels\) without channels/,
    );
    // The gates' bottlenecks are the first to be empty.
    expect(() => splitChannels(modelOf(rcan(2)), 0.2)).toThrow(
      /width 0\.2 leaves layer body\.0\.body\.0\.down \(4 channels\) without channels/,
    );
    expect(splitChannels(modelOf(rcan(2)), 0.25).size).toBeGreaterThan(0);
  });

  it("leaves attention its bottleneck where that is a single channel", () => {
    const { groups } = channelAnalysis(modelOf(rcan(2, { groups: 1, blocks: 1, reduction: 16 })));
    expect(groups.map(({ size }) => size)).toEqual([16, 16, 1, 16]);
    expect(countsAtWidth(groups, 0.25)).toEqual([4, 4, 1, 4]);
  });
});

/** Every student of a network both ways: by slices of the teacher in the graph, and from weights of its own. */
function bothWays(network: NetworkOptions, mode: SplitMode, scale: Scale) {
  const graph = new Graph("students");
  const lr = graph.input("lr", [1, 3, 5, 4]);
  const parameters = randomParameters(network, scale);
  const teacher = new Map<string, Value>();
  for (const name of parameterShapes(network).keys()) {
    const { shape, data } = parameters.get(name) as { shape: readonly number[]; data: Float32Array };
    teacher.set(name, graph.constant(data, shape, { name: `teacher.${name}` }));
  }
  for (const width of [...WIDTHS, 1]) {
    const split = splitChannels(modelOf(network), width, mode);
    graph.output(`sliced ${width}`, buildNetwork(network, lr, sharedSource(teacher, split)));
    const student = materialise(parameters, split);
    const alone = constants(graph, new Map([...student].map(([name, value]) => [`${width}.${name}`, value])));
    graph.output(
      `alone ${width}`,
      buildNetwork(network, lr, (name, nominal) => alone(`${width}.${name}`, nominal)),
    );
  }
  return graph;
}

describe("a student by slices of its teacher", () => {
  const cases = ([2, 3, 4] as const).flatMap((scale) =>
    MODES.flatMap((mode) =>
      [
        edsr(scale, FEATURES),
        rcan(scale, FEATURES),
        carn(scale, FEATURES),
        carn(scale, { ...FEATURES, variant: "original" }),
      ].map((network): [string, Scale, SplitMode, NetworkOptions] => [
        network.architecture + ("variant" in network ? ` (${network.variant})` : ""),
        scale,
        mode,
        network,
      ]),
    ),
  );

  it.each(cases)("is the network of its weights alone: %s ×%i, %s", async (_, scale, mode, network) => {
    const outputs = await evaluate(bothWays(network, mode, scale), { lr: tensor([1, 3, 5, 4], (i) => (i * 53) % 256) });
    const images = [...WIDTHS, 1].map((width) => {
      const [sliced, alone] = [floats(outputs, `sliced ${width}`), floats(outputs, `alone ${width}`)];
      const largest = Math.max(...sliced.map(Math.abs));
      const error = Math.max(...sliced.map((value, i) => Math.abs(value - (alone[i] as number))));
      expect(error / largest).toBeLessThan(1e-6);
      return sliced;
    });
    // Other widths, other images.
    for (const [i, image] of images.entries())
      for (const other of images.slice(i + 1)) expect(image).not.toEqual(other);
  });

  it("names a parameter that its teacher lacks", () => {
    const graph = new Graph("test");
    const build = () => buildNetwork(edsr(2), graph.input("lr", [1, 3, 4, 4]), sharedSource(new Map(), new Map()));
    expect(build).toThrow(NetworkError);
  });
});
