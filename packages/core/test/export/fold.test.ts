import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { foldConstants } from "../../src/export/fold.js";
import { elements, Graph, liveNodes, type Shape, type Value } from "../../src/graph/index.js";
import { add, conv, mul, sub } from "../../src/operators/index.js";

const random = new Random(21);
const constant = (x: Value, shape: Shape): Value => x.graph.constant(random.floats(elements(shape), -1, 1), shape);

function graphOf(build: (x: Value) => Value): Graph {
  const graph = new Graph("folded");
  graph.output("y", build(graph.input("x", [1, 3, 6, 7])));
  return graph;
}

async function outputOf(graph: Graph): Promise<Float32Array> {
  return floats(await evaluate(graph, { x: float32(new Random(2).floats(126), [1, 3, 6, 7]) }), "y");
}

const around = { pads: [1, 1, 1, 1] };
const layer = (x: Value, group = 1): Value =>
  conv(x, constant(x, [6, 3 / group, 3, 3]), undefined, { ...around, group });

describe("constants behind a convolution are folded into it", () => {
  it.each<[string, (x: Value) => Value]>([
    [
      "a factor and an offset a channel, as of batch normalisation",
      (x) => ((y: Value) => add(mul(y, constant(y, [6, 1, 1])), constant(y, [6, 1, 1])))(layer(x)),
    ],
    ["in groups", (x) => ((y: Value) => mul(constant(y, [1, 6, 1, 1]), y))(layer(x, 3))],
    ["one number", (x) => sub(mul(layer(mul(x, 0.5)), 2), 3)],
  ])("%s", async (_, build) => {
    const graph = graphOf(build);
    const folded = foldConstants(graph);
    expect(liveNodes(folded).map(({ operator }) => operator.name)).toEqual(["Conv"]);
    const [expected, found] = [await outputOf(graph), await outputOf(folded)];
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 4);
    });
  });

  it("but not what differs from place to place", () => {
    const graph = graphOf((x) => ((y: Value) => mul(y, constant(y, [6, 7])))(layer(x)));
    expect(liveNodes(foldConstants(graph)).map(({ operator }) => operator.name)).toEqual(["Conv", "Mul"]);
  });

  it("and one without a bias gets none unasked", () => {
    const inputs = (graph: Graph) => foldConstants(graph).nodes[0]?.inputs.length;
    expect([inputs(graphOf((x) => layer(x))), inputs(graphOf((x) => add(layer(x), 1)))]).toEqual([2, 3]);
  });
});
