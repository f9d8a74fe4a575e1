import type { Value } from "../graph/index.js";
import { unary } from "./apply.js";
import { div, mul } from "./arithmetic.js";
import { elementwise, OWN_DOMAIN, operator } from "./declare.js";
import { unaryGradient } from "./gradient-rules.js";
import { likeFirst } from "./shapes.js";

/** Functions of each element. */

export const Identity = elementwise("Identity", { gradient: unaryGradient((dy) => dy), channels: "linear" });

export const Neg = elementwise("Neg", { gradient: unaryGradient((dy) => neg(dy)), channels: "linear" });

export const Abs = elementwise("Abs", { gradient: unaryGradient((dy, x) => mul(dy, sign(x))), channels: "scaling" });

export const Sqrt = elementwise("Sqrt", {
  gradient: unaryGradient((dy, _x, y) => div(mul(dy, 0.5), y)),
  channels: "permutation",
});

export const Exp = elementwise("Exp", {
  gradient: unaryGradient((dy, _x, y) => mul(dy, y)),
  channels: "permutation",
});

export const Log = elementwise("Log", { gradient: unaryGradient((dy, x) => div(dy, x)), channels: "permutation" });

export const Erf = elementwise("Erf", {
  // y' = 2/√π · exp(−x²)
  gradient: unaryGradient((dy, x) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  channels: "permutation",
});

export const Sign = elementwise("Sign");
export const Reciprocal = elementwise("Reciprocal");
export const Floor = elementwise("Floor");
export const Ceil = elementwise("Ceil");
export const Round = elementwise("Round");

/** An identity through which no gradient passes. */
export const StopGradient = operator("StopGradient", {
  domain: OWN_DOMAIN,
  shape: likeFirst,
  gradient: "stops",
  channels: "linear",
  elementwise: true,
  decompose: (_, [x]) => [x as Value],
});

export const identity = unary(Identity);
export const neg = unary(Neg);
export const abs = unary(Abs);
export const sqrt = unary(Sqrt);
export const exp = unary(Exp);
export const log = unary(Log);
export const sign = unary(Sign);

/** The same values, through which no gradient passes. */
export const detach = unary(StopGradient);
