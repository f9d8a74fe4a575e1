import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { edsr, parameterCount, randomParameters, rcan } from "../../../../test/support/networks.js";
import { NetworkError } from "../../../core/src/errors.js";
import { Graph } from "../../../core/src/graph/index.js";
import { parameterShapes } from "../../../core/src/networks/index.js";
import { flatSize, flatten, packParameters, unflatten, unpackParameters } from "../../src/model/flat.js";

describe("parameters in one vector", () => {
  it.each([edsr(4), rcan(2)])("come back as they were: $architecture", (network) => {
    const [parameters, shapes] = [randomParameters(network), parameterShapes(network)];
    const vector = packParameters(parameters, shapes);
    expect(vector.length).toBe(flatSize(shapes));
    expect(vector.length).toBe(parameterCount(parameters));
    expect(unpackParameters(vector, shapes)).toEqual(parameters);
  });

  it("lie in the order of the shapes, whatever the parameters'", () => {
    const shapes = new Map([
      ["a", [2]],
      ["b", [1, 2]],
      ["c", []],
    ]);
    const parameters = new Map([
      ["c", { shape: [], data: Float32Array.of(5) }],
      ["b", { shape: [1, 2], data: Float32Array.of(3, 4) }],
      ["unused", { shape: [1], data: Float32Array.of(9) }],
      ["a", { shape: [2], data: Float32Array.of(1, 2) }],
    ]);
    expect([...packParameters(parameters, shapes)]).toEqual([1, 2, 3, 4, 5]);
  });

  it("are copies when they are taken out", () => {
    const vector = Float32Array.of(1, 2);
    const unpacked = unpackParameters(vector, new Map([["a", [2]]]));
    vector.fill(0);
    expect(unpacked.get("a")?.data).toEqual(Float32Array.of(1, 2));
    expect(unpacked.get("a")?.data.buffer.byteLength).toBe(8);
  });

  it("must all be there", () => {
    const pack = () => packParameters(new Map(), new Map([["a.weight", [2]]]));
    expect(pack).toThrow(NetworkError);
    expect(pack).toThrow("parameter a.weight is missing");
  });

  it("must have the network's shapes", () => {
    const shapes = new Map([["a.weight", [2, 1]]]);
    const pack = (shape: number[], data: Float32Array) => () =>
      packParameters(new Map([["a.weight", { shape, data }]]), shapes);
    const message = "parameter a.weight has shape [3]; the network has [2, 1]";
    expect(pack([3], new Float32Array(3))).toThrow(NetworkError);
    expect(pack([3], new Float32Array(3))).toThrow(message);
    expect(pack([1, 2], new Float32Array(2))).toThrow(NetworkError);
  });

  it("are taken apart and put together within a graph", async () => {
    const shapes = new Map([
      ["a", [2, 2]],
      ["b", []],
      ["c", [3]],
    ]);
    const graph = new Graph("flat");
    const parts = unflatten(graph.input("vector", [8]), shapes);
    graph.output("back", flatten([...parts.values()]));
    for (const [name, value] of parts) graph.output(name, value);
    const outputs = await evaluate(graph, { vector: tensor([8], (i) => i) });
    expect([...floats(outputs, "back")]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([...floats(outputs, "a")]).toEqual([0, 1, 2, 3]);
    expect([...floats(outputs, "b")]).toEqual([4]);
    expect([...floats(outputs, "c")]).toEqual([5, 6, 7]);
    expect(outputs.b?.shape).toEqual([]);
  });
});
