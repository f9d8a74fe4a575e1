import { describe, expect, it } from "vitest";
import { evaluate } from "../../../../test/support/engine.js";
import {
  type Attributes,
  contentOf,
  type DataType,
  elements,
  Graph,
  graft,
  int,
  ints,
  type Operator,
  type Shape,
  type TensorData,
  type Value,
} from "../../src/graph/index.js";
import { OWN_DOMAIN } from "../../src/operators/declare.js";
import * as operators from "../../src/operators/index.js";
import { isDeclared, mul, OPERATORS, operatorNamed, pad, relu, shapeOf, slice } from "../../src/operators/index.js";

type Operand = readonly [dtype: DataType, shape: Shape, numbers: readonly number[]];

const long = (...numbers: readonly number[]): Operand => ["int64", [numbers.length], numbers];
const single = (...numbers: readonly number[]): Operand => ["float32", [numbers.length], numbers];
const whole = (number: number): Operand => ["int64", [], [number]];
const flags = (...numbers: readonly number[]): Operand => ["bool", [numbers.length], numbers];
const matrix = (numbers: readonly number[] = [1, -2, 3.5, 4, 5, -6]): Operand => ["float32", [2, 3], numbers];

interface Case {
  readonly operator: string;
  readonly operands: readonly Operand[];
  readonly attributes?: Attributes;
}

const on = (operator: string, ...operands: readonly Operand[]): Case => ({ operator, operands });
const told = (operator: string, attributes: Attributes, ...operands: readonly Operand[]): Case => ({
  ...{ operator, operands, attributes },
});

const PAIRS: readonly (readonly [Operand, Operand])[] = [
  [long(7, -7, 12), long(2, 2, -5)],
  [single(7, -7.5, 0.1), single(2, 3, -0.7)],
  [matrix(), single(2, -1, 0.5)],
];
const inPairs = (...names: readonly string[]): Case[] =>
  names.flatMap((name) => PAIRS.map((pair) => on(name, ...pair)));
const ofOne = (operand: Operand, ...names: readonly string[]): Case[] => names.map((name) => on(name, operand));

const CASES: readonly Case[] = [
  ...inPairs("Add", "Sub", "Mul", "Div", "Min", "Max", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
  on("Sum", single(1, 2), single(3, 4), single(5, 6)),
  on("Max", single(1, 9), single(3, 4), single(5, 6)),
  on("Pow", single(2, 3), single(3, -0.5)),
  on("Pow", long(2, 3), long(3, 2)),
  on("Mod", long(7, -7, 7, -7), long(3, 3, -3, -3)),
  told("Mod", { fmod: int(1) }, single(7, -7, 7.5, -7), single(3, 3, -3, -3)),
  ...ofOne(single(0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, -3), "Round", "Floor", "Ceil", "Abs", "Neg", "Identity", "Exp"),
  ...ofOne(single(0.5, 9, 2), "Sqrt", "Log", "Reciprocal"),
  ...ofOne(long(3, -4), "Neg", "Abs"),
  ...(["And", "Or"] as const).map((name) => on(name, flags(0, 0, 1, 1), flags(0, 1, 0, 1))),
  on("Not", flags(0, 1)),
  on("Where", flags(0, 1, 0), long(1, 2, 3), long(4)),
  told("Cast", { to: int(7) }, single(2.9, -2.9, 0)),
  told("Cast", { to: int(1) }, long(5, -6)),
  told("Cast", { to: int(9) }, single(0, 0.5)),
  told("Cast", { to: int(6) }, long(5, -6)),
  told("DequantizeLinear", { axis: int(0) }, ["int8", [2, 2], [1, -2, 3, 127]], single(0.5, 2), ["int8", [2], [0, 0]]),
  on("DequantizeLinear", ["uint8", [2, 2], [0, 1, 2, 255]], ["float32", [], [0.5]], ["uint8", [], [2]]),
  told("Concat", { axis: int(1) }, matrix(), ["float32", [2, 1], [8, 9]]),
  told("Concat", { axis: int(-2) }, matrix(), ["float32", [1, 3], [7, 8, 9]]),
  told("Split", { axis: int(1) }, matrix(), long(2, 1)),
  told("Gather", { axis: int(0) }, long(4, 5, 6), whole(-1)),
  told("Gather", { axis: int(1) }, matrix(), ["int64", [2, 2], [0, 2, 1, 0]]),
  on("Slice", matrix(), long(0, -1), long(2 ** 40, -100), long(0, 1), long(1, -2)),
  on("Slice", long(1, 2, 3, 4, 5), long(1), long(-1)),
  on("Slice", long(1, 2, 3, 4, 5), long(9), long(-9), long(0), long(-1)),
  on("Unsqueeze", long(3, 4), long(0, 2)),
  on("Squeeze", ["int64", [1, 2, 1], [3, 4]], long(0)),
  on("Reshape", matrix(), long(3, -1)),
  told("Flatten", { axis: int(1) }, ["float32", [2, 1, 2], [1, 2, 3, 4]]),
  told("Transpose", { perm: ints([2, 0, 1]) }, ["float32", [1, 2, 3], [1, 2, 3, 4, 5, 6]]),
  on("Transpose", matrix()),
  on("Expand", ["float32", [2, 1], [1, 2]], long(2, 2, 3)),
  on("Tile", matrix(), long(2, 2)),
  on("Shape", matrix()),
  told("Shape", { start: int(-1) }, matrix()),
  told("Shape", { start: int(0), end: int(1) }, matrix()),
  on("Size", matrix()),
  // Written as the engine's own operators; halves go to even numbers.
  told("FakeQuantise", { low: int(-3), high: int(4) }, matrix([0.25, -0.75, 1.25, 3.1, -6, 0.3]), single(0.5)),
  on("Range", whole(2), whole(11), whole(3)),
  on("Range", ["float32", [], [3]], ["float32", [], [0]], ["float32", [], [-0.75]]),
  on("ReduceSum", matrix(), long(1)),
  on("ReduceSum", long(3, 4)),
  ...["ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare"].flatMap(
    (name) => [
      told(name, { axes: ints([-1]), keepdims: int(0) }, matrix()),
      told(name, { axes: ints([0]) }, matrix()),
      on(name, matrix()),
    ],
  ),
];

function content(dtype: DataType, numbers: readonly number[]): TensorData {
  if (dtype === "int64") return BigInt64Array.from(numbers, BigInt);
  if (dtype === "int8") return Int8Array.from(numbers);
  return dtype === "bool" || dtype === "uint8" ? Uint8Array.from(numbers) : Float32Array.from(numbers);
}

function build({ operator, operands, attributes = {} }: Case): Graph {
  const graph = new Graph("evaluation");
  const inputs = operands.map(([dtype, shape, numbers]) => graph.constant(content(dtype, numbers), shape, { dtype }));
  graph
    .apply(isDeclared(operator) ? operatorNamed(operator) : operatorNamed(operator, OWN_DOMAIN), inputs, attributes)
    .forEach((value, i) => {
      graph.output(`y${i}`, value);
    });
  return graph;
}

describe("contents that are computed", () => {
  it("are tested of every operator that has a rule", () => {
    const tested = new Set(CASES.map(({ operator }) => operator));
    expect(
      OPERATORS.filter(({ evaluate: rule }) => rule)
        .map(({ name }) => name)
        .filter((name) => !tested.has(name)),
    ).toEqual([]);
  });

  it.each(CASES.map((each, i) => [`${each.operator} ${i}`, each] as const))("are the engine's: %s", async (_, each) => {
    const graph = build(each);
    const outputs = await evaluate(graph, {});
    for (const [name, value] of graph.outputs) {
      const made = Array.from(outputs[name]?.data as ArrayLike<number | bigint>, Number);
      const known = contentOf(value) as TensorData;
      expect(known).toHaveLength(elements(value.shape));
      Array.from<number | bigint, number>(known, Number).forEach((number, i) => {
        expect(number).toBeCloseTo(made[i] as number, 5);
      });
    }
  });

  it("follow the sizes of an image when the graph is built again for another", () => {
    const graph = new Graph("sizes");
    const x = graph.input("x", [1, 3, 20, 30]);
    const half = operators.floor(operators.div(operators.cast(shapeOf(x), "float32"), 7));
    graph.output("y", half);
    expect([...(half.known as Float32Array)]).toEqual([0, 0, 2, 4]);
    const other = new Graph("other");
    const known = new Map<Value, Value>([[x, other.input("x", [1, 3, 21, 7])]]);
    const [again] = graft(graph, other, known, [half]) as [Value];
    expect([...(again.known as Float32Array)]).toEqual([0, 0, 3, 1]);
  });

  it("aren't made of what an image shows, nor of large tensors", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2, 2]);
    expect(relu(x).known).toBeUndefined();
    expect(mul(x, 2).known).toBeUndefined();
    const large = graph.constant(new Float32Array(5000), [5000]);
    expect(mul(large, 2).known).toBeUndefined();
    expect(slice(large, [{ axis: 0, start: 0, end: 2 }]).known).toBeUndefined();
  });

  it("stand in for constants where shapes need them", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [1, 3, 4, 6]);
    const y = graph.apply(operators.Expand as Operator, [graph.scalar(1), shapeOf(x)])[0] as Value;
    expect(y.shape).toEqual([1, 3, 4, 6]);
    const unknown = graph.input("n", [4], "int64");
    expect(() => graph.apply(operators.Expand, [x, unknown])).toThrow(
      /input n must be a constant of integers, or computed from shapes and constants/,
    );
    expect(pad(x, [0, 0, 1, 1, 0, 0, 1, 1]).shape).toEqual([1, 3, 6, 8]);
  });

  it("are left to the engine where a type can't hold them", () => {
    expect(build(on("Div", long(1), long(0))).outputs.get("y0")?.known).toBeUndefined();
    expect(build(on("Mul", long(2 ** 52), long(4))).outputs.get("y0")?.known).toBeUndefined();
  });
});
