import { expect, it } from "vitest";
import { Graph } from "../../src/graph/index.js";
import { activationBytes } from "../../src/model/memory.js";
import { add, relu } from "../../src/operators/index.js";

it("counts what is alive at once", () => {
  const graph = new Graph("memory");
  const x = graph.input("x", [1, 1, 10, 10]);
  const chain = relu(relu(relu(x)));
  graph.output("y", add(x, chain));
  // x stays for the sum, beside the chain's input and output.
  expect(activationBytes(graph)).toBe(3 * 400);
});

it("leaves out what no output needs, and lets go of what nothing reads", () => {
  const graph = new Graph("memory");
  const x = graph.input("x", [1, 1, 10, 10]);
  relu(relu(x));
  graph.output("y", relu(relu(relu(relu(x)))));
  expect(activationBytes(graph)).toBe(2 * 400);
});
