import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { modelOf } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { deployable } from "../../src/export/deployable.js";
import { mergeLinear } from "../../src/export/merge/index.js";
import { exportModel } from "../../src/export/onnx.js";
import { elements, Graph, liveNodes, type Value } from "../../src/graph/index.js";
import { graphCost, modelCost } from "../../src/model/cost.js";
import type { NetworkOptions } from "../../src/networks/index.js";
import { add, conv, relu, resizeNearest } from "../../src/operators/index.js";

const random = new Random(11);

function layer(x: Value, filters: number, side: number, pad = (side - 1) / 2): Value {
  const shape = [filters, x.shape[1] as number, side, side];
  const size = Math.sqrt(3 / elements(shape.slice(1)));
  const weight = x.graph.constant(random.floats(elements(shape), -size, size), shape);
  const bias = x.graph.constant(random.floats(filters, -1, 1), [filters]);
  return conv(x, weight, bias, { pads: Array(4).fill(pad) });
}

function graphOf(build: (x: Value) => Value): Graph {
  const graph = new Graph("enlarged");
  graph.output("y", build(graph.input("x", [1, 3, 7, 9])));
  return graph;
}

const operators = (graph: Graph): string[] => liveNodes(graph).map(({ operator }) => operator.name);

async function difference(graph: Graph, other: Graph): Promise<number> {
  const data = new Random(3).floats(3 * 7 * 9, -1, 1);
  const [a, b] = await Promise.all(
    [graph, other].map(async (each) => floats(await evaluate(each, { x: float32(data.slice(), [1, 3, 7, 9]) }), "y")),
  );
  expect(b?.length).toBe(a?.length);
  return Math.max(...(a ?? []).map((value, i) => Math.abs(value - (b?.[i] as number))));
}

describe("a convolution of repeated pixels is convolutions of the pixels", () => {
  it.each([
    [2, 3, 16 / 36],
    [2, 5, 36 / 100],
    [3, 3, 25 / 81],
    [4, 3, 36 / 144],
  ])("repeated %d times, of side %d, up to the border", async (factor, side, share) => {
    const graph = graphOf((x) => relu(layer(resizeNearest(x, factor), 4, side)));
    const { graph: merged, border } = mergeLinear(graph, { most: 0 });
    expect(border).toBe(0);
    expect(operators(merged)).not.toContain("Resize");
    expect(graphCost(merged).macs / graphCost(graph).macs).toBeCloseTo(share, 5);
    expect(await difference(graph, merged)).toBeLessThan(1e-5);
  });

  it.each<[string, (x: Value) => Value]>([
    [
      "others read the pixels too",
      (x) => {
        const large = resizeNearest(x, 2);
        return add(relu(layer(large, 3, 3)), large);
      },
    ],
    ["it cuts the border off", (x) => layer(resizeNearest(x, 2), 3, 3, 0)],
    ["it looks at single pixels", (x) => layer(resizeNearest(x, 2), 3, 1)],
  ])("but not where %s", (_, build) => {
    const graph = graphOf(build);
    expect(operators(mergeLinear(graph, { most: 100 }).graph)).toEqual(operators(graph));
  });

  it("in ESRGAN's network, at any size", async () => {
    const network = {
      ...{ architecture: "rrdbnet", scale: 4, features: 16, growth: 8, blocks: 1, range: 1 },
    } as NetworkOptions;
    const model = modelOf(network);
    const { onnx, cost, border } = deployable(model);
    expect(border).toBe(0);
    expect(cost.macs).toBeLessThan(0.9 * modelCost(model).macs);
    const [before, after] = await Promise.all(
      [exportModel(model), onnx].map((bytes) => createSession(bytes, { threads: 1 })),
    );
    for (const [height, width] of [
      [5, 8],
      [17, 13],
    ] as const) {
      const lr = () => float32(new Random(9).floats(3 * height * width, 0, 1), [1, 3, height, width]);
      const [a, b] = [await before?.run({ lr: lr() }), await after?.run({ lr: lr() })].map(
        (result) => result?.outputs.sr?.data as Float32Array,
      );
      expect(b?.length).toBe(3 * 16 * height * width);
      expect(Math.max(...Array.from(a ?? [], (value, i) => Math.abs(value - (b?.[i] as number))))).toBeLessThan(1e-4);
    }
    await Promise.all([before?.close(), after?.close()]);
  });
});
