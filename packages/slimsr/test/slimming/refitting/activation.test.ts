import { describe, expect, it } from "vitest";
import { consumersOf, Graph, type Value } from "../../../../core/src/graph/index.js";
import { writeOnnx } from "../../../../core/src/onnx/index.js";
import { single } from "../../../../core/src/operators/apply.js";
import { abs, add, concat, div, Erf, mul, relu, sigmoid } from "../../../../core/src/operators/index.js";
import { float32, type Tensor } from "../../../../upscaler/src/engine/session.js";
import { createSession } from "../../../../upscaler/src/node/session.js";
import { activationBehind, passedByActivation } from "../../../src/slimming/refitting/activation.js";
import { passedBy } from "../../../src/slimming/refitting/rectified.js";

const swish = (x: Value): Value => mul(x, sigmoid(x));
const gelu = (x: Value): Value => mul(mul(x, add(single(Erf, [div(x, Math.SQRT2)]), 1)), 0.5);

function behind(build: (x: Value) => Value) {
  const graph = new Graph("behind");
  const x = graph.input("x", [1, 4, 2, 2]);
  const y = build(x);
  graph.output("y", y);
  const readers = consumersOf(graph.nodes);
  return { x, y, found: activationBehind(x, (value) => readers.get(value) ?? []) };
}

describe("what is done to each element of a value", () => {
  it.each([
    ["x·σ(x)", swish],
    ["a GELU as exporters write it", gelu],
  ])("is found as a whole: %s", (_, build) => {
    const { x, found } = behind((value) => relu(build(value)));
    expect(found?.input).toBe(x);
    expect(behind(build).found?.output.name).toBeDefined();
  });

  it.each<[string, (x: Value) => Value]>([
    ["one operator", (x) => abs(x)],
    ["what is affine", (x) => mul(add(x, 0.45), 255)],
    ["beside which the value is read again", (x) => concat([swish(x), x], 1)],
    ["of two values", (x) => mul(sigmoid(x), x.graph.input("gate", x.shape))],
  ])("is none: %s", (_, build) => {
    expect(behind(build).found).toBeUndefined();
  });
});

async function passed(build: (ideal: Value, own: Value) => Value, ideal: number[], own: number[]): Promise<number[]> {
  const graph = new Graph("passed");
  const shape = [1, 1, 1, ideal.length];
  graph.output("wanted", build(graph.input("ideal", shape), graph.input("own", shape)));
  const session = await createSession(writeOnnx(graph));
  const feeds = { ideal: float32(Float32Array.from(ideal), shape), own: float32(Float32Array.from(own), shape) };
  const { outputs } = await session.run(feeds);
  await session.close();
  return Array.from((outputs.wanted as Tensor).data as Float32Array);
}

describe("what a value before a function is to become", () => {
  const [ideal, own] = [
    [2, 3, -2, -3],
    [1, -1, 4, -1],
  ];

  it("is the ideal one where a leaky ReLU lets it through, and s² of the way there below", async () => {
    const s = 0.25;
    const wanted = await passed((a, b) => passedBy(s, a, b, () => b), ideal as number[], own as number[]);
    expect(wanted).toEqual([2, 3, -2 * s, -1 + s * s * -2]);
  });

  it("comes nearer where a function is steep, too", async () => {
    const { found } = behind((x) => mul(swish(x), 255));
    if (!found) throw new Error("255·x·σ(x) is not found");
    const wanted = await passed((a, b) => passedByActivation(found, a, b), ideal as number[], own as number[]);
    expect(Math.abs((wanted[2] as number) - -2)).toBeLessThan(6);
    expect(Math.abs((wanted[3] as number) - -3)).toBeLessThan(6);
  });

  it("is what brings x·σ(x) nearer to the ideal one's", async () => {
    const { found } = behind(swish);
    if (!found) throw new Error("x·σ(x) is not found");
    const wanted = await passed((a, b) => passedByActivation(found, a, b), ideal as number[], own as number[]);
    const f = (x: number) => x / (1 + Math.exp(-x));
    expect(wanted.slice(0, 2)).toEqual([2, 3]);
    for (const i of [2, 3]) {
      const [before, after] = [own[i] as number, wanted[i] as number].map((x) =>
        Math.abs(f(x) - f(ideal[i] as number)),
      );
      expect(after).toBeLessThan(before as number);
    }
  });
});
