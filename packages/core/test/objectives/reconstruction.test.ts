import { expect, it } from "vitest";
import { evaluate, number, tensor } from "../../../../test/support/engine.js";
import { Graph } from "../../src/graph/index.js";
import { borderWeights, l1 } from "../../src/objectives/reconstruction.js";

it("the L1 loss is the mean absolute difference", async () => {
  const graph = new Graph("l1");
  const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [3])];
  graph.output("loss", l1(a, b));
  const outputs = await evaluate(graph, { a: tensor([2, 3], [1, 2, 3, 4, 5, 6]), b: tensor([3], [0, 4, 3]) });
  expect(graph.outputs.get("loss")?.shape).toEqual([]);
  expect(number(outputs, "loss")).toBeCloseTo((1 + 2 + 0 + 4 + 1 + 3) / 6, 6);
});

it("weighs an image's border less, at the same mean", async () => {
  const graph = new Graph("l1");
  const [a, b] = [graph.input("a", [1, 1, 4, 5]), graph.input("b", [1, 1, 4, 5])];
  graph.output("loss", l1(a, b, borderWeights(graph, [4, 5], 1, 0.25)));
  const loss = async (difference: (at: number) => number) => {
    const zeros = tensor([1, 1, 4, 5], () => 0);
    const images = { a: { ...zeros, data: Float32Array.from({ length: 20 }, (_, at) => difference(at)) }, b: zeros };
    return number(await evaluate(graph, images), "loss");
  };
  // Rows of 5: 6 to 8 and 11 to 13 lie within.
  const isInner = (at: number) => [6, 7, 8, 11, 12, 13].includes(at);
  const sum = 6 + 14 * 0.25;
  expect(await loss(() => -2)).toBeCloseTo(2, 5);
  expect(await loss((at) => (isInner(at) ? 3 : 0))).toBeCloseTo((3 * 6) / sum, 5);
  expect(await loss((at) => (isInner(at) ? 0 : 3))).toBeCloseTo((3 * 14 * 0.25) / sum, 5);
});
