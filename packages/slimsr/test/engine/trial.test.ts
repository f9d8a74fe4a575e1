import { describe, expect, it } from "vitest";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { DeviceError, InterruptedError } from "../../../core/src/errors.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { Graph, int, type Value } from "../../../core/src/graph/index.js";
import { type Model, nameOf } from "../../../core/src/model/model.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { add, Cast, conv, Div, pixelShuffle, relu } from "../../../core/src/operators/index.js";
import { tryOut } from "../../src/engine/trial.js";
import { slim } from "../../src/slimming/slim.js";

/** Anyone's network of two layers; `between` goes between them. */
function foreign(between: (x: Value) => Value): Model {
  const graph = new Graph("foreign");
  const weight = (filters: number, channels: number) =>
    graph.constant(new Float32Array(filters * channels * 9).fill(0.1), [filters, channels, 3, 3]);
  const layer = (x: Value, filters: number, channels: number) =>
    conv(x, weight(filters, channels), undefined, { pads: [1, 1, 1, 1] });
  const inner = between(relu(layer(graph.input("x", [1, 3, 16, 16]), 8, 3)));
  graph.output("y", pixelShuffle(layer(inner, 12, 8), 2));
  const open = { 0: "n", 2: "h", 3: "w" };
  return readModel(writeOnnx(graph, { dynamicAxes: { x: open, y: { 0: "n", 2: "h2", 3: "w2" } } }), "foreign.onnx");
}

/** Adds the least integer over −1, which processors of x86 end the process for. */
const overflowing = foreign((x) => {
  const { graph } = x;
  const operands = [-(2 ** 31), -1].map((number) => graph.constant(Int32Array.of(number), [1, 1, 1, 1]));
  const [quotient] = graph.apply(Div, operands);
  return add(x, graph.apply(Cast, [quotient], { to: int(1) })[0] as Value);
});

describe("a network of others", () => {
  it("is run once before it is worked with", async () => {
    await tryOut(foreign((x) => x));
    await expect(
      tryOut(
        foreign((x) => x),
        AbortSignal.abort(),
      ),
    ).rejects.toThrow(InterruptedError);
  });

  it("of our own isn't", async () => {
    await tryOut(modelOf(edsr(2)), AbortSignal.abort());
  });

  it.runIf(process.arch === "x64")("that crashes the engine can't be slimmed, and nothing else ends", async () => {
    expect(nameOf(overflowing)).toBe("foreign.onnx");
    await expect(slim(overflowing, { widths: [0.5], patches: 1 })).rejects.toThrow(DeviceError);
    await expect(tryOut(overflowing)).rejects.toThrow("foreign.onnx: the engine crashed (SIGFPE)");
  });
});
