import { describe, expect, it } from "vitest";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { rounded } from "../../../../test/support/rounded.js";
import { NetworkError } from "../../../core/src/errors.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { int, type Value } from "../../../core/src/graph/index.js";
import { narrowed } from "../../../core/src/model/split.js";
import { single } from "../../../core/src/operators/apply.js";
import { conv, Mod, reshape } from "../../../core/src/operators/index.js";
import { integerModel } from "../../../core/src/quantisation/stored.js";
import { requireSlimmable } from "../../src/slimming/slimmable.js";

const layer = (name: string, x: Value, filters: number): Value => {
  const channels = x.shape[1] as number;
  const weight = x.graph.constant(new Float32Array(filters * channels).fill(0.1), [filters, channels, 1, 1], { name });
  return conv(x, weight);
};

const slimmable = (build: (x: Value) => Value, channels = 3) =>
  requireSlimmable(readModel(imageModel(build, { channels, fixed: [16, 16] }), "someones.onnx"));

describe("what can't be slimmed is refused before any image is read:", () => {
  it.each<[string, (x: Value) => Value, number, string]>([
    ["a network without layers between images", nearest, 3, "someones.onnx has no channels that could be dropped"],
    [
      "one from luma to colour",
      (x) => layer("b", layer("a", x, 8), 3),
      1,
      "someones.onnx takes images of 1 channels and makes 3; expected 3 of each, RGB, or 1 of each",
    ],
    [
      "an operator without gradient",
      (x) => layer("b", single(Mod, [layer("a", x, 8), x.graph.scalar(1)], { fmod: int(1) }), 3),
      3,
      "someones.onnx can't be slimmed: operator Mod (output Mod_1) has no gradient rule; export",
    ],
    [
      "an operator that moves channels",
      (x) => layer("b", reshape(reshape(layer("a", x, 8), [1, 8, 256]), [1, 4, 32, 16]), 3),
      3,
      "someones.onnx has no channels that could be dropped: Reshape (output Reshape_1): its effect on channels is not known",
    ],
  ])("%s", (_, build, channels, message) => {
    expect(() => slimmable(build, channels)).toThrow(message);
  });

  it.each([
    ["trained with roundings", rounded(modelOf(edsr(2)), 8)],
    ["of integers", readModel(integerModel(rounded(modelOf(edsr(2)), 8)), "int8.onnx")],
  ])("one %s", (_, model) => {
    expect(() => requireSlimmable(model)).toThrow(/is quantised already; give the network that it was made of$/);
  });

  it("another type of images", () => {
    const model = readModel(
      imageModel((x) => layer("b", layer("a", x, 8), 3)),
      "someones.onnx",
    );
    const half = { ...model, image: { ...model.image, dtype: "float16" } } as const;
    expect(() => requireSlimmable(half)).toThrow(NetworkError);
    expect(() => requireSlimmable(half)).toThrow("someones.onnx takes float16 images; export the model in float32");
  });

  it("a student", () => {
    const teacher = modelOf(edsr(2, { features: 8, blocks: 1 }));
    expect(() => requireSlimmable(narrowed(teacher, 0.5))).toThrow(
      "EDSR is a slimmed network already (head.weight is narrower than its options say): name the full one",
    );
    expect(() => requireSlimmable(teacher)).not.toThrow();
  });

  it("not a network of layers", () => {
    expect(() => slimmable((x) => layer("b", layer("a", x, 8), 3))).not.toThrow();
  });
});
