import { expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { differentiate } from "../../src/differentiate/index.js";
import { Graph, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import * as family from "../../src/operators/functions.js";
import {
  abs,
  add,
  Ceil,
  cos,
  Erf,
  exp,
  Floor,
  identity,
  log,
  mul,
  neg,
  Reciprocal,
  Round,
  reduceSum,
  Sign,
  sin,
  sqrt,
} from "../../src/operators/index.js";
import { testGradients, unaryCases } from "./gradients.js";
import { testShapes, unary } from "./shapes.js";

testShapes(family, {
  Identity: unary,
  Neg: unary,
  Abs: unary,
  Sqrt: unary,
  Exp: unary,
  Log: unary,
  Erf: unary,
  Sign: unary,
  Reciprocal: unary,
  Floor: unary,
  Ceil: unary,
  Round: unary,
  Sin: unary,
  Cos: unary,
});

testGradients(family, {
  Identity: unaryCases(identity),
  Neg: unaryCases(neg),
  Abs: unaryCases(abs, { away: 0.2 }),
  Sqrt: unaryCases(sqrt, { low: 0.5, high: 3 }),
  Exp: unaryCases(exp),
  Log: unaryCases(log, { low: 0.5, high: 3 }),
  Erf: unaryCases((x) => single(Erf, [x])),
  Reciprocal: unaryCases((x) => single(Reciprocal, [x]), { low: 0.5, high: 3 }),
  Sin: unaryCases(sin),
  Cos: unaryCases(cos),
});

it("has no gradient through a root of 0, instead of an infinite one", async () => {
  const graph = new Graph("root");
  const x = graph.input("x", [3]);
  graph.output("dx", differentiate(reduceSum(mul(sqrt(x), 3)), [x])[0] as Value);
  const outputs = await evaluate(graph, { x: tensor([3], [0, 4, 0.25]) });
  expect([...floats(outputs, "dx")]).toEqual([0, 0.75, 3]);
});

it.each([Sign, Floor, Ceil, Round])("has no gradient through steps: $name", async (operator) => {
  const graph = new Graph("steps");
  const x = graph.input("x", [2]);
  graph.output("dx", differentiate(reduceSum(add(single(operator, [x]), x)), [x])[0] as Value);
  const outputs = await evaluate(graph, { x: tensor([2], [0.3, -1.7]) });
  expect([...floats(outputs, "dx")]).toEqual([1, 1]);
});
