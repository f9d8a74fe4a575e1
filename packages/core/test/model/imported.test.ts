import { expect, it } from "vitest";
import { Graph, text } from "../../src/graph/index.js";
import { importedModel } from "../../src/model/imported.js";
import { single } from "../../src/operators/apply.js";
import { conv, Resize } from "../../src/operators/index.js";

it("takes weights for parameters, and leaves a resize its magnifications", () => {
  const graph = new Graph("resized");
  const x = graph.input("x", [1, 3, 8, 8]);
  const weight = graph.constant(new Float32Array(9).fill(0.5), [3, 3, 1, 1], { name: "weight" });
  const scales = graph.constant(Float32Array.of(1, 1, 2, 2), [4], { name: "scales" });
  graph.output("y", single(Resize, [conv(x, weight), undefined, scales], { mode: text("linear") }));
  const model = importedModel(graph);
  expect([...model.places.keys()]).toEqual(["weight"]);
  expect(model.descriptor.scale).toBe(2);
});
