import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { foldConstants } from "../../src/export/fold.js";
import { exampleOf } from "../../src/export/onnx.js";
import { elements, Graph, liveNodes, type Value } from "../../src/graph/index.js";
import { Add, add, clip, conv, DepthToSpace, pixelShuffle, relu, sub } from "../../src/operators/index.js";
import { splitLinearPart } from "../../src/quantisation/linear-part.js";
import { planQuantisation } from "../../src/quantisation/plan.js";

const random = new Random(5);

function layer(x: Value, filters: number): Value {
  const shape = [filters, x.shape[1] as number, 3, 3];
  const bound = Math.sqrt(3 / elements(shape.slice(1)));
  const weight = x.graph.constant(random.floats(elements(shape), -bound, bound), shape);
  return conv(x, weight, x.graph.constant(random.floats(filters), [filters]), { pads: [1, 1, 1, 1] });
}

function graphOf(build: (x: Value) => Value): Graph {
  const graph = new Graph("network");
  graph.output("y", build(graph.input("x", [1, 3, 9, 11])));
  return graph;
}

const outputOf = async (graph: Graph): Promise<Float32Array> => {
  const [{ name, shape }] = graph.inputs as [Value];
  const outputs = await evaluate(graph, { [name]: float32(new Random(3).floats(elements(shape), 0, 255), shape) });
  return floats(outputs, [...graph.outputs.keys()][0] as string);
};

async function expectEqual(graph: Graph, other: Graph): Promise<void> {
  const [a, b] = [await outputOf(graph), await outputOf(other)];
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThan(largest * 1e-5);
}

/** The terms of the sum that makes the output, before its pixels are shuffled. */
const operandsOf = (graph: Graph): Value[] => {
  const [output] = graph.outputs.values();
  const last = output?.producer;
  return (last?.operator === DepthToSpace ? last.inputs[0]?.producer : last)?.inputs as Value[];
};

const isLinear = (value: Value): boolean => {
  const pending = [value];
  for (let each = pending.pop(); each; each = pending.pop()) {
    if (each.producer?.operator.name === "Relu") return false;
    for (const input of each.producer?.inputs ?? []) if (input) pending.push(input);
  }
  return true;
};

describe("splitLinearPart", () => {
  it.each([
    ["EDSR ×2", modelOf(edsr(2))],
    ["EDSR ×4", modelOf(edsr(4))],
    ["RCAN ×3", modelOf(rcan(3))],
  ])("keeps what %s computes, as a linear part and the rest", async (_, model) => {
    const graph = foldConstants(exampleOf(model));
    const split = splitLinearPart(graph);
    expect(operandsOf(split).map(isLinear)).toEqual([true, false]);
    await expectEqual(graph, split);
  });

  it("takes the image itself, and differences of either sign, for linear", async () => {
    const body = (x: Value) => layer(relu(layer(x, 8)), 3);
    for (const build of [
      (x: Value) => sub(x, body(x)),
      (x: Value) => sub(body(x), x),
      (x: Value) => layer(sub(layer(x, 4), layer(relu(layer(x, 8)), 4)), 3),
      (x: Value) => pixelShuffle(add(sub(body(x), layer(x, 3)), layer(x, 3)), 1),
    ]) {
      const graph = graphOf(build);
      const split = splitLinearPart(graph);
      expect(operandsOf(split).filter(isLinear)).toHaveLength(1);
      await expectEqual(graph, split);
    }
  });

  it("looks behind what cuts the output's range off", async () => {
    const graph = graphOf((x) => clip(add(x, layer(relu(layer(x, 8)), 3)), 0, 255));
    const split = splitLinearPart(graph);
    const [output] = split.outputs.values();
    const sum = output?.producer?.inputs[0]?.producer;
    expect((sum?.inputs ?? []).map((value) => value && isLinear(value))).toEqual([true, false]);
    await expectEqual(graph, split);
  });

  it("leaves a network alone that has no such path, or whose sum is read elsewhere too", () => {
    const straight = graphOf((x) => layer(relu(layer(x, 8)), 3));
    expect(splitLinearPart(straight)).toBe(straight);
    const shared = graphOf((x) => {
      const sum = add(layer(x, 3), layer(relu(layer(x, 8)), 3));
      return layer(relu(add(layer(sum, 3), relu(sum))), 3);
    });
    expect(splitLinearPart(shared)).toBe(shared);
  });
});

describe("planQuantisation", () => {
  it("leaves the first layer and the linear part in float, and quantises what lies between", () => {
    const split = splitLinearPart(foldConstants(exampleOf(modelOf(edsr(2)))));
    const { arithmetic, rectified } = planQuantisation(split);
    const kinds = liveNodes(split).map((node) => `${node.operator.name} ${arithmetic(node)}`);
    const count = (kind: string) => kinds.filter((each) => each === kind).length;
    // Head, and the linear part's two behind it; of the rest two in each block, one behind them, and two of the tail.
    expect(count("Conv float")).toBe(3);
    expect(count("Conv integer")).toBe(7);
    expect([count("Add integer"), count("Add float")]).toEqual([2, 1]);
    expect([count("Relu moving"), count("DepthToSpace moving"), count("DepthToSpace float")]).toEqual([2, 1, 1]);
    expect(rectified.size).toBe(2);
  });

  it("keeps layers in float that are named, and names those that there are where one isn't", () => {
    const graph = foldConstants(exampleOf(modelOf(edsr(2, { blocks: 1 }))));
    const { arithmetic } = planQuantisation(graph, { keepFloat: ["body.0.conv2"] });
    const named = liveNodes(graph).find((node) => node.inputs[1]?.name === "body.0.conv2.weight");
    expect(named && arithmetic(named)).toBe("float");
    // A sum of what it makes rounds nothing either.
    const sum = liveNodes(graph).find(({ operator, inputs }) => operator === Add && inputs.includes(named?.outputs[0]));
    expect(sum && arithmetic(sum)).toBe("float");
    expect(() => planQuantisation(graph, { keepFloat: ["body.9"] })).toThrow(
      /no layer body\.9 .* head, body\.0\.conv1/,
    );
    expect(() => planQuantisation(graph, { keepFloat: ["body.0.convl"] })).toThrow(
      /no layer body\.0\.convl .*nearest are body\.0\.conv1, /,
    );
  });
});
