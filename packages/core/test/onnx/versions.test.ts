import { describe, expect, it } from "vitest";
import { evaluate } from "../../../../test/support/engine.js";
import type { Tensor } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { OnnxError } from "../../src/errors.js";
import { lowerOwnOperators } from "../../src/lowering/portable.js";
import { readOnnx, writeOnnx } from "../../src/onnx/index.js";

import {
  branch,
  bytesOf,
  CASES,
  type Case,
  flag,
  imageOf,
  int,
  ints,
  longs,
  normalisation,
  of,
  singles,
  string,
} from "./version-cases.js";

describe("nodes of other opsets", () => {
  it.each(CASES.map((each) => [each.name, each.opset, each] as const))(
    "%s (opset %i) are what the engine makes of them",
    async (_, __, each) => {
      const bytes = bytesOf(each);
      const session = await createSession(bytes, { threads: 1, spinning: false, optimisation: "none" });
      const expected = (await session.run({ x: imageOf(each) }).finally(() => session.close())).outputs.y as Tensor;
      // As it is written again, of opset 17.
      const { graph } = readOnnx(writeOnnx(lowerOwnOperators(readOnnx(bytes).graph)));
      const made = (await evaluate(graph, { x: imageOf(each) })).y as Tensor;
      expect([made.dtype, made.shape]).toEqual([expected.dtype, expected.shape]);
      Array.from<number | bigint, number>(expected.data, Number).forEach((number, i) => {
        expect(Number(made.data[i])).toBeCloseTo(number, 4);
      });
    },
  );

  it.each<[string, Case, RegExp]>([
    [
      "Dropout while training",
      of("", 13, { operator: "Dropout", inputs: ["x", "", "t"] }, flag("t", 1)),
      /^Dropout\(x\): it is in training mode; export the model for inference/,
    ],
    [
      "BatchNormalization while training",
      of(
        "",
        15,
        { operator: "BatchNormalization", inputs: ["x", "s", "b", "m", "v"], attributes: [int("training_mode", 1)] },
        ...normalisation,
      ),
      /in training mode/,
    ],
    [
      "antialiasing",
      of(
        "",
        18,
        { operator: "Resize", inputs: ["x", "", "k"], attributes: [int("antialias", 1)] },
        singles("k", [4], 1, 1, 2, 2),
      ),
      /antialias is not/,
    ],
    [
      "pads that wrap",
      of(
        "",
        19,
        { operator: "Pad", inputs: ["x", "p"], attributes: [string("mode", "wrap")] },
        longs("p", 0, 0, 0, 0, 0, 0, 1, 1),
      ),
      /mode wrap is not supported/,
    ],
    [
      "tensors without elements",
      of("", 14, { operator: "Reshape", inputs: ["x", "s"], attributes: [int("allowzero", 1)] }, longs("s", 0, 4)),
      /allowzero/,
    ],
    [
      "dilated means",
      of("", 19, { operator: "AveragePool", attributes: [ints("kernel_shape", 2, 2), ints("dilations", 2, 2)] }),
      /dilations are not supported/,
    ],
    [
      "a condition that sizes decide",
      {
        ...{ name: "", opset: 13, constants: [longs("c", 1, 4, 6, 5)] },
        nodes: [
          { operator: "Shape", outputs: ["size"] },
          { operator: "Equal", inputs: ["size", "c"], outputs: ["d"] },
          {
            operator: "If",
            inputs: ["d"],
            attributes: [branch("then_branch", "Sigmoid"), branch("else_branch", "Tanh")],
          },
        ],
      },
      /operator If is not supported where its condition is no constant/,
    ],
  ])("are refused: %s", (_, each, reason) => {
    expect(() => readOnnx(bytesOf(each))).toThrow(OnnxError);
    expect(() => readOnnx(bytesOf(each))).toThrow(reason);
  });
});
