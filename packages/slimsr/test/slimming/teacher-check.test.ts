import { describe, expect, it } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { randomPatches } from "../../../../test/support/small-networks.js";
import { unitRangeOnnx } from "../../../../test/support/unit-range.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { imageFromPlanes } from "../../../core/src/images/planes.js";
import { importedModel } from "../../../core/src/model/imported.js";
import { add, conv, mul, Relu } from "../../../core/src/operators/index.js";
import { EMBEDDED_IMAGES } from "../../src/assets.js";
import { type ImagePair, patchPairs } from "../../src/calibration/patches.js";
import { loadModel } from "../../src/files/models.js";
import { alignTeacher } from "../../src/slimming/aligned-teacher.js";
import { CHECKED, requireAboveBaseline } from "../../src/slimming/teacher-check.js";

const TEACHER = new URL("../../../../assets/teachers/edsr_r8f64_x2.safetensors", import.meta.url).pathname;

async function pairs(): Promise<ImagePair[]> {
  const all: ImagePair[] = [];
  for await (const pair of patchPairs(EMBEDDED_IMAGES, { scale: 2, ...CHECKED })) all.push(pair);
  return all;
}

describe("a teacher", () => {
  it("passes when it is better than bicubic, from a checkpoint and from ONNX in its range", async () => {
    const teacher = await loadModel(TEACHER);
    await requireAboveBaseline(teacher, await pairs());
    await requireAboveBaseline(readModel(unitRangeOnnx(teacher), "unit.onnx", { range: 1 }), await pairs());
  }, 60_000);

  it("is refused in another range than its own, which is named", async () => {
    const teacher = await loadModel(TEACHER);
    const patches = await pairs();
    const named = (range: number) =>
      new RegExp(`is worse than bicubic interpolation: .* with --range ${range} it reaches [\\d.]+ dB: give that`);
    const unit = readModel(unitRangeOnnx(teacher), "unit.onnx");
    await expect(requireAboveBaseline(unit, patches)).rejects.toThrow(named(1));
    await expect(requireAboveBaseline(await loadModel(TEACHER, { range: 1 }), patches)).rejects.toThrow(named(255));
  }, 60_000);

  it("is refused with options it wasn't trained with, which are named", async () => {
    const teacher = await loadModel(TEACHER, { resScale: 10 });
    await expect(requireAboveBaseline(teacher, await pairs())).rejects.toThrow("check --range and --res-scale");
  }, 60_000);

  it("passes where its padding alone spoils a crop", async () => {
    // Brightens what was darkened, by a factor that is right where a window of 15×15 pixels lies within the image.
    const build = (x: Value): Value => {
      const window = x.graph.constant(new Float32Array(3 * 15 * 15).fill(1 / (0.8 * 15 * 15)), [3, 1, 15, 15]);
      return mul(x, conv(add(mul(x, 0), 1), window, undefined, { pads: [7, 7, 7, 7], group: 3 }));
    };
    const teacher = readModel(imageModel(build), "brighter.onnx", { range: 1 });
    const darkened: ImagePair[] = [];
    for await (const { hr, input } of patchPairs(EMBEDDED_IMAGES, { scale: 1, input: EMBEDDED_IMAGES, ...CHECKED })) {
      const dark = { ...input, data: input.data.map((value) => value * 0.8) };
      darkened.push({ hr, input: dark, lr: imageFromPlanes(dark.data, dark.width, dark.height) });
    }
    await requireAboveBaseline(teacher, darkened);
    const clear = darkened.map(({ input, ...pair }) => ({ ...pair, input, hr: pair.lr }));
    await expect(requireAboveBaseline(teacher, clear)).rejects.toThrow(/is worse than its input/);
  }, 60_000);

  it("is refused where its alignment changes it by more than rounding", async () => {
    const graph = new Graph("misunderstood");
    const filters = (shape: readonly [number, number, number, number], seed: number) => {
      const data = randomPatches(8, 12, seed).data.map((value) => (value - 127) / 500);
      return graph.constant(data.slice(0, shape[0] * shape[1] * shape[2] * shape[3]), shape);
    };
    // A rectifier that claims that any basis will do.
    const claims = { ...Relu, channels: "linear" as const };
    const x = conv(graph.input("x", [1, 3, 12, 12]), filters([8, 3, 3, 3], 3), undefined, { pads: [1, 1, 1, 1] });
    const [y] = graph.apply(claims, [x]);
    if (!y) throw new Error("no output");
    graph.output("y", conv(y, filters([3, 8, 3, 3], 4), undefined, { pads: [1, 1, 1, 1] }));
    await expect(alignTeacher(importedModel(graph), randomPatches(3), "pca")).rejects.toThrow(
      /aligning misunderstood's channels changed its output by [\d.]+ % of its range, which is more than rounding/,
    );
  });
});
