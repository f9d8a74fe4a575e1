import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { DIFFERENTIABLE, differentiate } from "../../src/differentiate/index.js";
import { GraphError } from "../../src/errors.js";
import { Graph, liveNodes, type Shape, type Value } from "../../src/graph/index.js";
import {
  add,
  conv,
  detach,
  exp,
  Floor,
  greater,
  Mod,
  matMul,
  mul,
  pow,
  Round,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  ScatterElements,
  sub,
  where,
} from "../../src/operators/index.js";
import { declaredOperators } from "../operators/family.js";

const declared = await declaredOperators();

/** Gradients of the loss at the given points. */
async function gradients(
  points: Readonly<Record<string, readonly [Shape, readonly number[]]>>,
  build: (graph: Graph, values: Readonly<Record<string, Value>>) => Value,
): Promise<Record<string, number[]>> {
  const graph = new Graph("test");
  const names = Object.keys(points);
  const values = Object.fromEntries(Object.entries(points).map(([name, [shape]]) => [name, graph.input(name, shape)]));
  const found = differentiate(
    build(graph, values),
    names.map((name) => values[name] as Value),
  );
  names.forEach((name, i) => {
    graph.output(`d_${name}`, found[i] as Value);
  });
  const feeds = Object.fromEntries(Object.entries(points).map(([name, [shape, data]]) => [name, tensor(shape, data)]));
  const outputs = await evaluate(graph, feeds);
  return Object.fromEntries(names.map((name) => [name, [...floats(outputs, `d_${name}`)]]));
}

const operators = (graph: Graph): string[] => liveNodes(graph).map((node) => node.operator.name);

describe("differentiate", () => {
  it("knows the operators of all families, whose rules are each tested", () => {
    const families = declared.flatMap(({ operators }) =>
      operators.filter(({ gradient }) => typeof gradient === "function"),
    );
    expect([...DIFFERENTIABLE].sort()).toEqual(families.map(({ name }) => name).sort());
    expect(new Set(families).size).toBe(families.length);
  });

  it("adds up what comes along several ways", async () => {
    // x·(x + 3)² + x: (x + 3)² + 2x(x + 3) + 1
    const found = await gradients({ x: [[], [2]] }, (_, { x }) => {
      const shifted = add(x as Value, 3);
      return add(mul(mul(x as Value, shifted), shifted), x as Value);
    });
    expect(found.x).toEqual([46]);
  });

  it("is 1 for the loss itself", async () => {
    expect(await gradients({ x: [[], [5]] }, (_, { x }) => x as Value)).toEqual({ x: [1] });
  });

  it("is zero, in its parameter's shape, where the loss doesn't depend on one", async () => {
    const found = await gradients(
      {
        x: [[2], [1, 2]],
        y: [
          [2, 1, 2],
          [1, 2, 3, 4],
        ],
        z: [[], [1]],
      },
      (_, { x }) => reduceSum(x as Value),
    );
    expect(found).toEqual({ x: [1, 1], y: [0, 0, 0, 0], z: [0] });
  });

  it("is zero for all parameters of a constant loss", async () => {
    expect(await gradients({ x: [[2], [1, 2]] }, (graph) => graph.scalar(3))).toEqual({ x: [0, 0] });
  });

  it("doesn't pass detached values, nor conditions", async () => {
    const found = await gradients({ x: [[], [3]], y: [[], [2]] }, (_, { x, y }) => {
      const held = mul(detach(mul(x as Value, 2)), x as Value);
      return add(held, where(greater(x as Value, 0), y as Value, 0));
    });
    expect(found).toEqual({ x: [6], y: [1] });
  });

  it("yields a parameter's gradient as often as it is asked for", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    const [a, b] = differentiate(reduceSum(exp(x)), [x, x]);
    expect(a?.shape).toEqual([2]);
    expect(b).toBe(a);
  });

  it("differentiates with respect to a value between", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    const y = mul(x, 3);
    const [dy] = differentiate(reduceSum(mul(y, y)), [y]);
    graph.output("dy", dy as Value);
    expect([...floats(await evaluate(graph, { x: tensor([2], [1, -2]) }), "dy")]).toEqual([6, -12]);
  });

  it("can be applied to its own result", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    const [first] = differentiate(reduceSum(pow(x, 3)), [x]);
    const [second] = differentiate(reduceSum(first as Value), [x]);
    graph.output("second", second as Value);
    expect([...floats(await evaluate(graph, { x: tensor([2], [2, 5]) }), "second")]).toEqual([12, 30]);
  });

  it("takes a thousand nodes in a row", async () => {
    const found = await gradients({ x: [[], [1]] }, (_, { x }) => {
      let y = x as Value;
      for (let i = 0; i < 1000; i++) y = add(y, x as Value);
      return y;
    });
    expect(found.x).toEqual([1001]);
  });

  it.each<[string, (x: Value) => Value]>([
    [
      "ScatterElements",
      (x) => x.graph.apply(ScatterElements, [x, x.graph.input("at", x.shape, "int64"), x])[0] as Value,
    ],
    ["Mod", (x) => x.graph.apply(Mod, [x, x], { fmod: { kind: "int", value: 1 } })[0] as Value],
  ])("names %s, an operator on the way that has no rule", (operator, build) => {
    const x = new Graph("test").input("x", [1, 1, 2, 2]);
    const y = build(mul(x, 2));
    expect(() => differentiate(reduceMean(y), [x])).toThrow(GraphError);
    expect(() => differentiate(reduceMean(y), [x])).toThrow(
      `operator ${operator} (output ${y.name}) has no gradient rule`,
    );
  });

  it("doesn't need rules off the way", () => {
    const graph = new Graph("test");
    const [x, y] = [graph.input("x", [2]), graph.input("y", [2])];
    const rounded = graph.apply(Round, [y])[0] as Value;
    graph.apply(Floor, [x]);
    expect(differentiate(reduceSum(mul(x, rounded)), [x])).toHaveLength(1);
  });

  it.each([[[1]], [[2, 3]]])("refuses a loss of shape [%s]", (shape) => {
    const x = new Graph("test").input("x", shape);
    expect(() => differentiate(exp(x), [x])).toThrow(/must be a scalar/);
  });

  it("computes only what a parameter needs", () => {
    const graph = new Graph("test");
    const image = graph.input("image", [1, 3, 4, 4]);
    const [first, second] = [graph.input("first", [2, 3, 1, 1]), graph.input("second", [2, 2, 1, 1])];
    const frozen = graph.constant(new Float32Array(4), [2, 2, 1, 1]);
    const y = conv(conv(relu(conv(image, first)), frozen), second);
    const [gradient] = differentiate(reduceSum(y), [first]);
    graph.output("gradient", gradient as Value);
    const count = (operator: string) => operators(graph).filter((name) => name === operator).length;
    // Of three convolutions, one has a trained weight; the image needs no gradient.
    expect(count("ConvWeightGradient")).toBe(1);
    expect(count("ConvInputGradient")).toBe(2);
    // y itself isn't asked for: the last convolution isn't computed, nor the middle one.
    expect(count("Conv")).toBe(1);
  });

  it("leaves out the side of a product that no parameter reaches", () => {
    const graph = new Graph("test");
    const [x, weight] = [graph.input("x", [4, 3]), graph.input("weight", [3, 2])];
    const before = graph.nodes.length;
    const loss = reduceSum(sub(matMul(x, weight), reshape(graph.input("target", [8]), [4, 2])));
    const forward = graph.nodes.length - before;
    const [gradient] = differentiate(loss, [weight]);
    graph.output("gradient", gradient as Value);
    // Spread the 1 over [4, 2] (Reshape, Expand), then one product.
    expect(graph.nodes.length - before - forward).toBe(3);
    expect(operators(graph)).toEqual(["Reshape", "Expand", "FusedMatMul"]);
  });
});
