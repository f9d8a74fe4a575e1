import { describe, expect, it, vi } from "vitest";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { unitRangeOnnx } from "../../../../test/support/unit-range.js";
import { UsageError } from "../../../core/src/errors.js";
import { onnxDeployment } from "../../../core/src/export/onnx-file.js";
import { readModel, writeModel } from "../../../core/src/formats/model-file.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { applyModel, constantSource, type Model } from "../../../core/src/model/model.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { add, clip, conv, mul } from "../../../core/src/operators/index.js";
import { settleModel, settleRange } from "../../src/calibration/settle-range.js";
import { settleScale } from "../../src/calibration/settle-scale.js";
import { loadModel } from "../../src/files/models.js";

vi.setConfig({ testTimeout: 60_000 });

const TEACHER = new URL("../../../../assets/teachers/edsr_r8f64_x2.safetensors", import.meta.url).pathname;

const settle = (onnx: Uint8Array, range?: 255 | 1) =>
  settleRange(onnxDeployment("a.onnx", onnx, { range }), { name: "a.onnx" });

/** A model of 0..255 as anyone's file, for images of 0..range, not clamped. */
function fileOf(model: Model, range: 255 | 1): Uint8Array {
  const graph = new Graph("file");
  const pixels = mul(graph.input("image", [1, 3, 16, 16]), 255 / range);
  graph.output("large", mul(applyModel(model, pixels, constantSource(graph, model.parameters)), range / 255));
  const open = { 0: "batch", 2: "height", 3: "width" };
  return writeOnnx(graph, { dynamicAxes: { image: open, large: { 0: "batch", 2: "tall", 3: "wide" } } });
}

/** What keeps images to 0..most, as a network for images of that range does. */
const clamped = (most: number, channels = 3) => imageModel((x: Value) => clip(mul(x, 0.9), 0, most), { channels });

const filled = (x: Value, value: number) => x.graph.constant(new Float32Array(3).fill(value), [1, 3, 1, 1]);

describe("the range of a network's images", () => {
  it("is found by running it, whether it clamps its output or not", async () => {
    const teacher = await loadModel(TEACHER);
    for (const [range, onnx] of [
      [255, fileOf(teacher, 255)],
      [1, fileOf(teacher, 1)],
      [1, unitRangeOnnx(teacher)],
    ] as const) {
      expect(await settle(onnx)).toEqual({
        range,
        isFound: true,
        note: `a.onnx: range 0..${range}, found by running it`,
      });
    }
  });

  it("is found of networks that restore, of one channel too", async () => {
    expect(await settle(clamped(1))).toMatchObject({ range: 1 });
    expect(await settle(imageModel((x) => add(x, filled(x, -8))))).toMatchObject({ range: 255 });
    expect(await settle(clamped(1, 1))).toMatchObject({ range: 1 });
  });

  it("is what the file says, without running it", async () => {
    const model = await loadModel(TEACHER);
    expect(await settle(writeModel(model, "a.onnx"))).toEqual({ range: 255 });
    expect(await settleModel(model)).toEqual({ model });
  });

  it("makes no difference to a network that is the same in both", async () => {
    expect(await settle(imageModel(nearest))).toEqual({ range: 255 });
  });

  it("is asked for where running doesn't tell", async () => {
    const far = imageModel((x) => add(mul(x, 0), filled(x, 1e5)));
    await expect(settle(far)).rejects.toThrow(UsageError);
    await expect(settle(far)).rejects.toThrow(
      /a\.onnx doesn't say .* running it doesn't tell: .* --range 255 or --range 1/,
    );
  });

  it("is asked for where it can't be run, and taken as given there", async () => {
    const cut = { ...onnxDeployment("a.onnx", imageModel(nearest)), onnx: imageModel((x) => x) };
    const assumed = settleRange({ ...cut, rangeSource: "assumed" }, { name: "cut.onnx" });
    await expect(assumed).rejects.toThrow(
      /cut\.onnx doesn't say .* can't be run to find out: cut\.onnx yields .*; say it with --range/,
    );
    expect(await settleRange({ ...cut, range: 1, rangeSource: "given" }, { name: "cut.onnx" })).toEqual({ range: 1 });
  });

  it("is taken as given, with a word where the other is plainly right", async () => {
    const teacher = await loadModel(TEACHER);
    expect(await settle(unitRangeOnnx(teacher), 1)).toEqual({ range: 1 });
    const wrong = await settle(unitRangeOnnx(teacher), 255);
    expect(wrong.range).toBe(255);
    expect(wrong.note).toMatch(
      /with --range 255 a\.onnx's output is nothing like its input .*; with --range 1 it is .*likely right/,
    );
  });

  it("is taken as given, with a word where the output resembles the input but the other's does far more", async () => {
    const teacher = await loadModel(TEACHER);
    // Pixels of 0..1 are nearly black to it, and it enlarges nearly black images nearly well.
    const { range, note } = await settle(fileOf(teacher, 255), 1);
    expect(range).toBe(1);
    expect(note).toMatch(
      /^with --range 1 a\.onnx's output is far from its input \(\S+ dB\); with --range 255 it is near \(\S+ dB\)/,
    );
    expect(await settle(fileOf(teacher, 255), 255)).toEqual({ range: 255 });
  });

  it("is in the file that a model is written to once it is found, and not before", async () => {
    const unit = readModel(unitRangeOnnx(await loadModel(TEACHER)), "unit.onnx");
    expect(unit.descriptor).toMatchObject({ range: 255, rangeSource: "assumed" });
    const reread = readModel(writeModel(unit, "b.onnx"), "b.onnx");
    expect(reread.descriptor.rangeSource).toBe("assumed");
    const { model, note } = await settleModel(unit);
    expect(note).toBe("unit.onnx: range 0..1, found by running it");
    const written = readModel(writeModel(model, "b.onnx"), "b.onnx");
    expect(written.descriptor).toMatchObject({ range: 1 });
    expect(written.descriptor.rangeSource).toBeUndefined();
  });
});

describe("the scale of a network whose operators aren't known here", () => {
  it("is found by running it", async () => {
    const { scale, ...file } = onnxDeployment("a.onnx", imageModel(nearest));
    expect(await settleScale("a.onnx", file)).toBe(scale);
    expect(await settleScale("a.onnx", onnxDeployment("b.onnx", clamped(1)))).toBe(1);
    const fixed = onnxDeployment("c.onnx", imageModel(nearest, { fixed: [24, 32] }));
    expect(await settleScale("c.onnx", fixed)).toBe(2);
  });

  it("must be a whole one", async () => {
    const cut = imageModel((x) => conv(x, x.graph.constant(new Float32Array(81), [3, 3, 3, 3])));
    const file = { ...onnxDeployment("a.onnx", imageModel(nearest)), onnx: cut };
    await expect(settleScale("cut.onnx", file)).rejects.toThrow(
      "cut.onnx makes [1, 3, 62, 62] of an image [1, 3, 64, 64]",
    );
  });
});
