import { describe, expect, it } from "vitest";
import { writePytorch } from "../../src/checkpoints/pytorch/write.js";
import { writeSafetensors } from "../../src/checkpoints/safetensors.js";
import type { StateDict, StateTensor } from "../../src/checkpoints/state.js";
import { readVgg19 } from "../../src/checkpoints/vgg19.js";

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
