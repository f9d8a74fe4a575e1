import { expect, it } from "vitest";
import { evaluate, number, tensor } from "../../../../test/support/engine.js";
import { Graph } from "../../src/graph/index.js";
import { l1 } from "../../src/objectives/reconstruction.js";

it("the L1 loss is the mean absolute difference", async () => {
  const graph = new Graph("l1");
  const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [3])];
  graph.output("loss", l1(a, b));
  const outputs = await evaluate(graph, { a: tensor([2, 3], [1, 2, 3, 4, 5, 6]), b: tensor([3], [0, 4, 3]) });
  expect(graph.outputs.get("loss")?.shape).toEqual([]);
  expect(number(outputs, "loss")).toBeCloseTo((1 + 2 + 0 + 4 + 1 + 3) / 6, 6);
});
