import { describe, expect, it } from "vitest";
import { foldConstants } from "../../src/export/fold.js";
import { behindShuffles } from "../../src/export/subpixel.js";
import { Graph, type Value } from "../../src/graph/index.js";
import { add, Conv, conv, mul, pixelShuffle } from "../../src/operators/index.js";

const image = (graph: Graph): Value => graph.input("x", [1, 3, 4, 4]);
const layer = (x: Value, filters: number): Value =>
  conv(x, x.graph.constant(new Float32Array(filters * 3).fill(0.5), [filters, 3, 1, 1]));

/** A graph whose output is what `build` makes of an image. */
function graphOf(build: (x: Value) => Value): Graph {
  const graph = new Graph("long");
  graph.output("y", build(image(graph)));
  return graph;
}

const repeated = (count: number, step: (x: Value) => Value) => (x: Value) => {
  let y = x;
  for (let i = 0; i < count; i++) y = step(y);
  return y;
};

describe("networks of any length", () => {
  it.each<[string, (x: Value) => Value]>([
    ["convolutions", (x) => layer(x, 3)],
    ["factors", (x) => mul(x, 0.5)],
    ["factors and convolutions", (x) => mul(layer(x, 3), 0.5)],
  ])("are folded: 10,000 %s", (_, step) => {
    const folded = foldConstants(graphOf((x) => layer(repeated(10_000, step)(x), 3)));
    expect(folded.nodes.at(-1)?.operator).toBe(Conv);
    expect(folded.nodes.length).toBeGreaterThanOrEqual(10_000);
  });

  it.each<[string, (y: Value) => Value]>([
    ["that doubles", repeated(50, (y) => add(y, y))],
    ["of thousands of terms", (y) => repeated(5000, (sum) => add(sum, y))(y)],
  ])("have a sum before a shuffle %s", (_, summed) => {
    const graph = graphOf((x) => pixelShuffle(summed(layer(x, 12)), 2));
    const start = performance.now();
    expect(behindShuffles(graph).nodes.length).toBe(graph.nodes.length);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
