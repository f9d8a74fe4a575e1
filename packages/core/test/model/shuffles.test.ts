import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { exportModel } from "../../src/export/onnx.js";
import { elements, Graph, type Value } from "../../src/graph/index.js";
import { importedModel } from "../../src/model/imported.js";
import { channelAnalysis } from "../../src/model/model.js";
import { writeOnnx } from "../../src/onnx/index.js";
import { conv, relu, reshape, transpose } from "../../src/operators/index.js";

const [C, H, W] = [16, 8, 8];

const arranged = (x: Value, middle: readonly number[], permutation: readonly number[], end: readonly number[]): Value =>
  reshape(transpose(reshape(x, middle), permutation), end);

function network(build: (x: Value) => Value): Graph {
  const graph = new Graph("arranged");
  const random = new Random(5);
  const weight = (shape: number[]) => graph.constant(random.floats(elements(shape), -0.5, 0.5), shape);
  const features = relu(conv(graph.input("image", [1, 3, H, W]), weight([C, 3, 1, 1])));
  const made = build(features);
  graph.output("result", conv(made, weight([3, made.shape[1] as number, 1, 1])));
  return graph;
}

/** Of what is written as one, the operators and the sizes of groups that are left. */
const CASES: readonly (readonly [string, (x: Value) => Value, readonly string[], readonly number[]])[] = [
  [
    "a pixel shuffle",
    (x) => arranged(x, [1, C / 4, 2, 2, H, W], [0, 1, 4, 2, 5, 3], [1, C / 4, 2 * H, 2 * W]),
    ["DepthToSpace"],
    [C / 4],
  ],
  [
    "a pixel shuffle whose sub-pixels lie apart",
    (x) => arranged(x, [1, 2, 2, C / 4, H, W], [0, 3, 4, 1, 5, 2], [1, C / 4, 2 * H, 2 * W]),
    ["Gather", "DepthToSpace"],
    [],
  ],
  [
    "its inverse",
    (x) => arranged(x, [1, C, H / 2, 2, W / 2, 2], [0, 1, 3, 5, 2, 4], [1, 4 * C, H / 2, W / 2]),
    ["SpaceToDepth", "Gather"],
    [],
  ],
  [
    "a shuffle of channels in groups",
    (x) => arranged(x, [1, 4, C / 4, H, W], [0, 2, 1, 3, 4], [1, C, H, W]),
    ["Gather"],
    [C],
  ],
];

describe("reshapes and transpositions that amount to", () => {
  it.each(CASES)("%s are one operator, which takes any size", async (_, build, operators, groups) => {
    const source = network(build);
    const model = importedModel(source);
    const between = model.graph.nodes.map(({ operator }) => operator.name);
    expect(between).toEqual(["Conv", "Relu", ...operators, "Conv"]);
    expect(channelAnalysis(model).groups.map(({ size }) => size)).toEqual(groups);
    const session = await createSession(exportModel(model));
    const larger = await session.run({ image: float32(new Random(2).floats(3 * 96, 0, 1), [1, 3, 8, 12]) });
    expect(Object.values(larger.outputs)[0]?.shape.length).toBe(4);
    const image = new Random(1).floats(3 * H * W, 0, 1);
    const { outputs } = await session.run({ image: float32(image.slice(), [1, 3, H, W]) });
    await session.close();
    const original = await createSession(writeOnnx(source));
    const ideal = (await original.run({ image: float32(image, [1, 3, H, W]) })).outputs.result?.data as Float32Array;
    await original.close();
    const made = Object.values(outputs)[0]?.data as Float32Array;
    expect(made.length).toBe(ideal.length);
    made.forEach((value, i) => {
      expect(value).toBeCloseTo(ideal[i] as number, 5);
    });
  });

  it("nothing known stay as they are, and pin what reaches them", () => {
    const model = importedModel(network((x) => arranged(x, [1, C, H * W], [0, 2, 1], [1, C, H, W])));
    expect(model.graph.nodes.map(({ operator }) => operator.name)).toContain("Transpose");
    expect(channelAnalysis(model).pins).toHaveLength(1);
  });
});
