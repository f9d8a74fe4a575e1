import { expect, it } from "vitest";
import { readModel } from "../../../core/src/formats/model-file.js";
import type { Graph, Value } from "../../../core/src/graph/index.js";
import { conv, relu } from "../../../core/src/operators/index.js";
import { slim } from "../../src/slimming/slim.js";
import { enlarging } from "../runs/nearest.js";

/** Colours by way of eight channels, of which five are nothing. */
function sparse(image: Value): Value {
  const ones = (graph: Graph, shape: [number, number, number, number]) => {
    const [filters, channels] = shape;
    const weight = Float32Array.from({ length: filters * channels }, (_, i) =>
      Math.floor(i / channels) === i % channels ? 1 : 0,
    );
    return graph.constant(weight, shape);
  };
  return conv(relu(conv(image, ones(image.graph, [8, 3, 1, 1]))), ones(image.graph, [3, 8, 1, 1]));
}

it("says that a student stays as it was refitted where moving all convolutions together makes nothing better", async () => {
  const notes: string[] = [];
  const options = { widths: [0.5], patches: 6, belowBicubic: true, note: (text: string) => notes.push(text) };
  const network = readModel(enlarging(sparse), "sparse.onnx");
  const { students } = await slim(network, options);
  expect(students.map(({ channels }) => channels)).toEqual([[4, 3]]);
  expect(notes.filter((text) => text.startsWith("student"))).toEqual([
    "student of width 0.5: Gauss–Newton made no images better that nothing is fitted to; it stays as it was refitted",
  ]);
  notes.length = 0;
  await slim(network, { ...options, gaussNewton: 0 });
  expect(notes.filter((text) => text.startsWith("student"))).toEqual([]);
});
