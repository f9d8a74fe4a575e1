import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { carn, edsr, parameterCount, randomParameters, rcan } from "../../../../test/support/networks.js";
import { NetworkError } from "../../src/errors.js";
import { Graph } from "../../src/graph/index.js";
import {
  buildNetwork,
  constants,
  type NetworkOptions,
  type Parameters,
  parameterShapes,
  SCALES,
  structure,
} from "../../src/networks/index.js";

type AroundMean = ReturnType<typeof edsr | typeof rcan | typeof carn>;

const EVERY: [string, (typeof SCALES)[number], AroundMean][] = SCALES.flatMap((scale) =>
  [edsr(scale), rcan(scale), carn(scale), carn(scale, { variant: "original" })].map(
    (network): [string, (typeof SCALES)[number], AroundMean] => [
      network.architecture + ("variant" in network ? ` (${network.variant})` : ""),
      scale,
      network,
    ],
  ),
);

const count = (network: NetworkOptions): number =>
  parameterCount(
    new Map([...parameterShapes(network)].map(([name, shape]) => [name, { shape, data: new Float32Array() }])),
  );

/** A convolution with bias. */
const layer = (channels: number, filters: number, kernel = 3): number => filters * (channels * kernel ** 2 + 1);

const upsampler = (n: number, scale: number): number =>
  scale === 3 ? layer(n, 9 * n) : Math.log2(scale) * layer(n, 4 * n);

async function superResolve(network: NetworkOptions, parameters: Parameters, image: ReturnType<typeof tensor>) {
  const graph = new Graph("sr");
  const lr = graph.input("lr", image.shape);
  graph.output("sr", buildNetwork(network, lr, constants(graph, parameters)));
  const outputs = await evaluate(graph, { lr: image });
  return { shape: outputs.sr?.shape, data: floats(outputs, "sr") };
}

const image = (shape: readonly number[]) => tensor(shape, (i) => (i * 97) % 256);

describe("parameter counts", () => {
  it.each<[string, number, number, NetworkOptions]>([
    ["EDSR-baseline ×2", 1_369_859, 1.37, edsr(2, { features: 64, blocks: 16 })],
    ["EDSR-baseline ×3", 1_554_499, 1.55, edsr(3, { features: 64, blocks: 16 })],
    ["EDSR-baseline ×4", 1_517_571, 1.52, edsr(4, { features: 64, blocks: 16 })],
    ["EDSR ×4", 43_089_923, 43.1, edsr(4, { features: 256, blocks: 32 })],
    ["RCAN ×4", 15_592_355, 15.59, rcan(4, { features: 64, groups: 10, blocks: 20, reduction: 16 })],
  ])("of %s are the published ones", (_, exact, millions, network) => {
    expect(count(network)).toBe(exact);
    expect(Math.abs(exact / 1e6 - millions)).toBeLessThan(0.02);
  });

  it.each(SCALES)("of every layer, ×%i", (scale) => {
    const n = 12;
    const ends = layer(3, n) + layer(n, 3) + upsampler(n, scale);
    expect(count(edsr(scale, { features: n, blocks: 3 }))).toBe(ends + 7 * layer(n, n));
    const attention = layer(n, 3, 1) + layer(3, n, 1);
    expect(count(rcan(scale, { features: n, groups: 2, blocks: 3, reduction: 4 }))).toBe(
      ends + 2 * (3 * (2 * layer(n, n) + attention) + layer(n, n)) + layer(n, n),
    );
    // Three cascades of three blocks, four cascades' worth of fusions of 2, 3 and 4 parts.
    const fusions = [2, 3, 4].reduce((sum, parts) => sum + layer(parts * n, n, 1), 0);
    expect(count(carn(scale, { features: n }))).toBe(ends + 9 * 2 * layer(n, n) + 4 * fusions);
  });

  it("of one scale of CARN make up the published 1.59 million of all three", () => {
    const shared = count(carn(2, { features: 64 })) - upsampler(64, 2);
    const all = shared + upsampler(64, 2) + upsampler(64, 3) + upsampler(64, 4);
    expect(all / 1e6).toBeCloseTo(1.592, 3);
    expect(count(carn(2, { features: 64 }))).toBe(964_163);
  });
});

describe("networks", () => {
  it.each(EVERY)("%s ×%i makes images that much larger, whatever their size", async (_, scale, network) => {
    const parameters = randomParameters(network);
    for (const [batch, height, width] of [
      [2, 5, 7],
      [1, 1, 1],
    ] as const) {
      const { shape, data } = await superResolve(network, parameters, image([batch, 3, height, width]));
      expect(shape).toEqual([batch, 3, height * scale, width * scale]);
      expect(data.every(Number.isFinite)).toBe(true);
    }
  });

  it.each(EVERY)("%s ×%i shows the mean colour when its last layer is silent", async (_, _scale, network) => {
    const parameters = randomParameters(network);
    for (const name of ["tail.weight", "tail.bias"]) parameters.get(name)?.data.fill(0);
    const { data } = await superResolve(network, parameters, image([1, 3, 2, 2]));
    const plane = data.length / 3;
    network.mean.forEach((colour, c) => {
      expect([...data.subarray(c * plane, (c + 1) * plane)].every((v) => Math.abs(v - colour) < 1e-4)).toBe(true);
    });
  });

  it.each(EVERY)("%s ×%i doesn't move when the image does", async (_, scale, network) => {
    // Away from the borders a network of convolutions commutes with translation by whole LR pixels.
    const deep = network.architecture === "carn" ? 24 : 12;
    if (network.architecture === "rcan") return;
    const size = 2 * deep + 4;
    const pixels = image([1, 3, size + 1, size]).data as Float32Array;
    const crop = (top: number) => {
      const part = new Float32Array(3 * size * size);
      for (let c = 0; c < 3; c++) {
        const start = (c * (size + 1) + top) * size;
        part.set(pixels.subarray(start, start + size * size), c * size * size);
      }
      return tensor([1, 3, size, size], part);
    };
    const parameters = randomParameters(network);
    const [first, second] = [
      (await superResolve(network, parameters, crop(0))).data,
      (await superResolve(network, parameters, crop(1))).data,
    ];
    const wide = size * scale;
    const middle = (deep + 1) * scale;
    for (let row = middle; row < middle + scale; row++) {
      for (let column = middle; column < middle + scale; column++) {
        const difference = (first[(row + scale) * wide + column] as number) - (second[row * wide + column] as number);
        expect(Math.abs(difference)).toBeLessThan(1e-2);
      }
    }
  });

  it("in a range of 1 do as in one of 255 with biases a 255th", async () => {
    for (const network of [edsr(2), carn(3)]) {
      const parameters = randomParameters(network);
      const scaled = new Map(
        [...parameters].map(([name, { shape, data }]) => [
          name,
          { shape, data: name.endsWith(".bias") ? data.map((b) => b / 255) : data },
        ]),
      );
      const wide = await superResolve(network, parameters, image([1, 3, 4, 4]));
      const unit = await superResolve({ ...network, range: 1 }, scaled, image([1, 3, 4, 4]));
      const largest = Math.max(...wide.data.map(Math.abs));
      unit.data.forEach((v, i) => {
        expect(Math.abs(v - (wide.data[i] as number))).toBeLessThan(1e-5 * largest);
      });
    }
  });

  it("have EDSR's residual scale on each block's branch", async () => {
    // With a silent branch the scale doesn't matter, else it does.
    const [half, none] = [edsr(2, { resScale: 0.5 }), edsr(2, { resScale: 1e-12 })];
    const parameters = randomParameters(half);
    const silent = new Map(parameters);
    for (const [name, { shape, data }] of parameters) {
      if (name.includes("conv2")) silent.set(name, { shape, data: new Float32Array(data.length) });
    }
    const lr = image([1, 3, 4, 4]);
    const [with0, with1] = [await superResolve(half, silent, lr), await superResolve(none, parameters, lr)];
    expect(with0.data).toEqual(with1.data);
    expect((await superResolve(half, parameters, lr)).data).not.toEqual(with0.data);
  });

  it.each([2, 3, 4] as const)(
    "have a ReLU after each sum and before each shuffle in CARN as published, ×%i",
    (scale) => {
      const activations = (variant: "original" | "csd") =>
        structure(carn(scale, { variant })).graph.nodes.filter((node) => node.operator.name === "Relu").length;
      expect(activations("csd")).toBe(9 + 12);
      expect(activations("original")).toBe(9 + 12 + 9 + (scale === 4 ? 2 : 1));
    },
  );

  it("name their parameters in the order of their layers, each with weight and bias", () => {
    expect([...parameterShapes(edsr(4, { blocks: 1 })).keys()]).toEqual(
      ["head", "body.0.conv1", "body.0.conv2", "body_conv", "upsampler.blocks.0", "upsampler.blocks.1", "tail"].flatMap(
        (name) => [`${name}.weight`, `${name}.bias`],
      ),
    );
  });
});

describe("constant parameters", () => {
  const build = (parameters: Parameters) => {
    const graph = new Graph("sr");
    return buildNetwork(edsr(2), graph.input("lr", [1, 3, 4, 4]), constants(graph, parameters));
  };

  it("must all be there", () => {
    const parameters = randomParameters(edsr(2));
    parameters.delete("body.1.conv2.bias");
    expect(() => build(parameters)).toThrow(NetworkError);
    expect(() => build(parameters)).toThrow("parameter body.1.conv2.bias is missing");
  });

  it.each([
    ["wider", [17, 3, 3, 3]],
    ["of another kernel", [16, 3, 1, 1]],
    ["of another rank", [16, 3, 3]],
  ])("mustn't be %s than the network's", (_, shape) => {
    const parameters = randomParameters(edsr(2));
    parameters.set("head.weight", { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
    expect(() => build(parameters)).toThrow(NetworkError);
    expect(() => build(parameters)).toThrow(
      `parameter head.weight has shape [${shape.join(", ")}]; the network has [16, 3, 3, 3]`,
    );
  });
});
