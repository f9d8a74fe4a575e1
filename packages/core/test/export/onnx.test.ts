import { describe, expect, it } from "vitest";
import {
  outputOf,
  randomPatches,
  rootMeanSquare,
  smallModel,
  smallNetworks,
} from "../../../../test/support/small-networks.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel } from "../../src/formats/model-file.js";
import { Graph, type Value } from "../../src/graph/index.js";
import { SCALES } from "../../src/networks/index.js";
import { readOnnx, writeOnnx } from "../../src/onnx/index.js";
import { add, Conv, Mul, sigmoid } from "../../src/operators/index.js";

describe("exportModel", () => {
  for (const options of SCALES.flatMap((scale) => smallNetworks(scale))) {
    const variant = options.architecture === "carn" ? ` ${options.variant}` : "";
    it(`folds ${options.architecture}${variant} ×${options.scale} without changing its output, at any size`, async () => {
      const model = smallModel(options);
      const onnx = exportModel(model);
      const session = await createSession(onnx);
      for (const side of [9, 20]) {
        const patches = randomPatches(2, side);
        const { outputs } = await session.run({ lr: float32(patches.data, [2, 3, side, side]) });
        const unfolded = await outputOf(model, patches);
        expect(rootMeanSquare(outputs.sr?.data as Float32Array, unfolded)).toBeLessThan(
          1e-5 * rootMeanSquare(unfolded),
        );
      }
      await session.close();
      const { graph } = readOnnx(onnx, { sizes: { batch: 1, height: 8, width: 8 } });
      const scalings = graph.nodes.filter(({ operator, inputs }) => operator === Mul && inputs[1]?.data);
      expect(scalings).toEqual([]);
      // The mean is subtracted before the zeros around the image come in, and added in the last convolution's bias. That
      // convolution goes before the shuffle, which then moves the image alone.
      expect(graph.nodes[0]?.operator.name).toBe("Sub");
      expect(graph.nodes.at(-1)?.operator.name).toBe("DepthToSpace");
      expect(graph.nodes.at(-1)?.inputs[0]?.shape[1]).toBe(3 * (options.scale === 3 ? 9 : 4));
    });
  }
});

it("a graph that was read goes out under the names and with the metadata that it came with, however it calls its values", () => {
  const source = new Graph("other");
  const x = source.input("Conv_1", [1, 3, 8, 8]);
  const weight = source.constant(new Float32Array(81).fill(0.1), [3, 3, 3, 3], { name: "lr" });
  const [y] = source.apply(Conv, [x, weight], { pads: { kind: "ints", value: [1, 1, 1, 1] } }, { names: ["inner"] });
  source.output("Add_1", add(y as Value, 1));
  const bytes = writeOnnx(source, { metadata: { author: "anyone" } });
  const model = readModel(bytes, "other.onnx", { range: 1 });
  const { graph, metadata } = readOnnx(exportModel(model), { sizes: { batch: 1, height: 8, width: 8 } });
  expect([...graph.inputs.map(({ name }) => name), ...graph.outputs.keys()]).toEqual(["Conv_1", "Add_1"]);
  expect(metadata).toEqual({ author: "anyone", slimsr: expect.stringContaining('"range":1') });
  expect(readModel(exportModel(model), "again.onnx").descriptor).toMatchObject({ range: 1, reach: 1 });
});

it("a graph whose weights are called as constants that are made on the way goes out with all of them", async () => {
  const source = new Graph("other");
  const x = source.input("x", [1, 3, 8, 8]);
  const weights = ["constant_1", "constant_2"].map((name, i) =>
    source.constant(new Float32Array(9).fill(i + 1), [3, 3, 1, 1], { name }),
  );
  const before = add(sigmoid(x), 0.5);
  const [first, second] = weights.map((weight) => source.apply(Conv, [before, weight])[0] as Value);
  source.output("y", add(first as Value, second as Value));
  const session = await createSession(exportModel(readModel(writeOnnx(source), "other.onnx", { range: 1 })));
  const { outputs } = await session.run({ x: float32(new Float32Array(192).fill(1), [1, 3, 8, 8]) });
  await session.close();
  expect(outputs.y?.data[0]).toBeCloseTo(9 * (0.5 + 1 / (1 + Math.exp(-1))), 4);
});
