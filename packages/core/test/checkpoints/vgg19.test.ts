import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { EMBEDDED_VGG19 } from "../../../slimsr/src/assets.js";
import { loadVgg19 } from "../../../slimsr/src/files/checkpoints.js";
import { writePytorch } from "../../src/checkpoints/pytorch/write.js";
import { quantise, SCALE_SUFFIX } from "../../src/checkpoints/quantised.js";
import { readSafetensors, writeSafetensors } from "../../src/checkpoints/safetensors.js";
import type { Int8Tensor, StateDict, StateTensor } from "../../src/checkpoints/state.js";
import { readVgg19 } from "../../src/checkpoints/vgg19.js";
import { CheckpointError } from "../../src/errors.js";
import { Graph } from "../../src/graph/index.js";
import { TAPS, vgg19 } from "../../src/networks/index.js";

/** torchvision's layers to conv5_2: module, outputs, inputs. */
const LAYERS = [
  [0, 64, 3],
  [2, 64, 64],
  [5, 128, 64],
  [7, 128, 128],
  [10, 256, 128],
  [12, 256, 256],
  [14, 256, 256],
  [16, 256, 256],
  [19, 512, 256],
  [21, 512, 512],
  [23, 512, 512],
  [25, 512, 512],
  [28, 512, 512],
] as const;

function constant(shape: number[], value: number): StateTensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return { dtype: "float32", shape, data: new Float32Array(length).fill(value) };
}

const torchvision: StateDict = new Map();
for (const [index, outputs, inputs] of LAYERS) {
  torchvision.set(`features.${index}.weight`, constant([outputs, inputs, 3, 3], index + 0.5));
  torchvision.set(`features.${index}.bias`, constant([outputs], -index));
}
torchvision.set("features.30.weight", constant([2], 1)).set("classifier.0.weight", constant([4, 4], 1));

describe("VGG19", () => {
  it("is read from torchvision's file, to conv5_1, with raw pixels", () => {
    const { convolutions, mean } = readVgg19(writePytorch(torchvision), "vgg19.pth");
    expect(mean).toEqual([0, 0, 0]);
    expect(convolutions.map(({ weight }) => weight.shape)).toEqual(
      LAYERS.map(([, outputs, inputs]) => [outputs, inputs, 3, 3]),
    );
    expect(convolutions.map(({ weight, bias }) => [weight.data[7], bias.data[7]])).toEqual(
      LAYERS.map(([index]) => [index + 0.5, -index]),
    );
  });

  it("is read from safetensors with the colour that its metadata subtracts", () => {
    const metadata = { preprocess: "x*255 - [123.68,116.779,103.939] (RGB), no std division" };
    expect(readVgg19(writeSafetensors(torchvision, metadata), "vgg19").mean).toEqual([123.68, 116.779, 103.939]);
  });

  it("is refused where a layer is missing or another", () => {
    const first: StateDict = new Map([...torchvision].slice(0, 2));
    expect(() => readVgg19(writeSafetensors(first), "vgg.pth")).toThrow(
      "vgg.pth is not torchvision's VGG19: features.2.weight is missing",
    );
    first.set("features.2.weight", constant([64, 32, 3, 3], 0));
    expect(() => readVgg19(writeSafetensors(first), "vgg.pth")).toThrow(
      "features.2.weight is 64×32×3×3, expected 64×64×3×3",
    );
  });
});

describe("VGG19 at 8 bits", () => {
  const state: Map<string, StateTensor | Int8Tensor> = new Map(torchvision);
  const weight = {
    dtype: "float32" as const,
    shape: [64, 3, 3, 3],
    data: Float32Array.from({ length: 1728 }, (_, i) => ((i * 7919) % 2001) / 1000 - 1),
  };
  // A channel of zeros has the scale 0.
  weight.data.fill(0, 27, 54);
  const { int8, scales } = quantise(weight);
  state.set("features.0.weight", int8).set(`features.0.weight${SCALE_SUFFIX}`, scales);

  it("has a scale per output channel, and is off by half of it at most", () => {
    const [first, second] = readVgg19(writeSafetensors(state), "vgg19").convolutions;
    expect(first?.weight.shape).toEqual([64, 3, 3, 3]);
    for (const [i, value] of weight.data.entries()) {
      const scale = scales.data[Math.floor(i / 27)] as number;
      expect(Math.abs((first?.weight.data[i] as number) - value)).toBeLessThanOrEqual(scale * 0.50001);
    }
    expect(Math.max(...int8.data)).toBe(127);
    expect(first?.weight.data.subarray(27, 54)).toEqual(new Float32Array(27));
    expect(second?.weight.data[0]).toBe(2.5);
  });

  const scalesOf = (shape: number[], value: number) => constant(shape, value);
  it.each([
    ["missing", undefined, "is missing"],
    ["too few", scalesOf([63], 1), "is 63, expected one scale for each of 64 output channels"],
    ["of another rank", scalesOf([64, 1], 1), "is 64×1, expected"],
    ["a scalar", scalesOf([], 1), "is scalar, expected"],
    ["negative", scalesOf([64], -1), "holds -1, expected finite numbers"],
    ["infinite", scalesOf([64], Number.POSITIVE_INFINITY), "holds Infinity"],
    ["not a number", scalesOf([64], Number.NaN), "holds NaN"],
    ["int8 themselves", { dtype: "int8" as const, shape: [64], data: new Int8Array(64).fill(1) }, "is int8, but"],
  ])("is refused where scales are %s", (_, damaged, message) => {
    const copy = new Map<string, StateTensor | Int8Tensor>([["features.0.weight", int8]]);
    if (damaged) copy.set(`features.0.weight${SCALE_SUFFIX}`, damaged);
    const read = () => readVgg19(writeSafetensors(copy), "vgg.safetensors");
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow("vgg.safetensors: features.0.weight");
    expect(read).toThrow(message);
  });

  it("comes with the package, and computes what PyTorch does with float weights, within 3 % of the features' norm", async () => {
    const weights = await loadVgg19(EMBEDDED_VGG19);
    expect(weights.mean).toEqual([123.68, 116.779, 103.939]);
    const fixture = "test/fixtures/vgg19/features.safetensors";
    const { tensors } = readSafetensors(await readFile(fixture), fixture);
    const images = tensors.get("images") as StateTensor;
    const graph = new Graph("vgg");
    vgg19(
      graph,
      weights,
    )(graph.input("images", images.shape)).forEach((tap, j) => {
      graph.output(TAPS[j] as string, tap);
    });
    const outputs = await evaluate(graph, { images: tensor(images.shape, images.data) });
    for (const [j, bound] of [0.006, 0.01, 0.013, 0.015, 0.03].entries()) {
      const name = TAPS[j] as string;
      const { shape, data } = tensors.get(name) as StateTensor;
      const found = sampled(floats(outputs, name), 2 * (shape[1] as number), 32 >> j, shape[2] as number);
      const error = norm(data.map((value, i) => value - (found[i] as number))) / norm(data);
      expect(error, `features at ${name}`).toBeLessThan(bound);
      expect(distance(found) / distance(data), `distance at ${name}`).toBeCloseTo(1, 2);
    }
  });
});

/** Every n-th row and column of square planes, so that `kept` of each remain. */
function sampled(planes: Float32Array, count: number, side: number, kept: number): Float32Array {
  const every = side / kept;
  return Float32Array.from({ length: count * kept * kept }, (_, i) => {
    const [plane, y, x] = [Math.floor(i / kept ** 2), Math.floor(i / kept) % kept, i % kept];
    return planes[(plane * side + y * every) * side + x * every] as number;
  });
}

/** Sum of absolute differences of the two images' features. */
function distance(features: Float32Array): number {
  const half = features.length / 2;
  return features
    .subarray(0, half)
    .reduce((sum, value, i) => sum + Math.abs(value - (features[half + i] as number)), 0);
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
