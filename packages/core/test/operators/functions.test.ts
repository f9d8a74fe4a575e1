import { single } from "../../src/operators/apply.js";
import * as family from "../../src/operators/functions.js";
import { abs, Erf, exp, identity, log, neg, sqrt } from "../../src/operators/index.js";
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
});

testGradients(family, {
  Identity: unaryCases(identity),
  Neg: unaryCases(neg),
  Abs: unaryCases(abs, { away: 0.2 }),
  Sqrt: unaryCases(sqrt, { low: 0.5, high: 3 }),
  Exp: unaryCases(exp),
  Log: unaryCases(log, { low: 0.5, high: 3 }),
  Erf: unaryCases((x) => single(Erf, [x])),
});
