import type { Value } from "../graph/index.js";
import { unary } from "./apply.js";
import { div, mul } from "./arithmetic.js";
import { equal, where } from "./comparisons.js";
import { elementwise, OWN_DOMAIN, operator } from "./declare.js";
import { ofElement, sameElements } from "./evaluation.js";
import { unaryGradient } from "./gradient-rules.js";
import { likeFirst } from "./shapes.js";

/** Functions of each element. */

export const Identity = elementwise("Identity", {
  evaluate: sameElements,
  gradient: unaryGradient((dy) => dy),
  channels: "linear",
});

export const Neg = elementwise("Neg", {
  evaluate: ofElement((x) => 0 - x),
  gradient: unaryGradient((dy) => neg(dy)),
  channels: "linear",
});

export const Abs = elementwise("Abs", {
  evaluate: ofElement(Math.abs),
  gradient: unaryGradient((dy, x) => mul(dy, sign(x))),
  channels: "scaling",
});

export const Sqrt = elementwise("Sqrt", {
  evaluate: ofElement(Math.sqrt),
  // y' = 1 / 2y, infinite at 0: there 0, so that what doesn't vary has no gradient.
  gradient: unaryGradient((dy, _x, y) => where(equal(y, 0), 0, div(mul(dy, 0.5), y))),
  channels: "permutation",
});

export const Exp = elementwise("Exp", {
  evaluate: ofElement(Math.exp),
  gradient: unaryGradient((dy, _x, y) => mul(dy, y)),
  channels: "permutation",
});

export const Log = elementwise("Log", {
  evaluate: ofElement(Math.log),
  gradient: unaryGradient((dy, x) => div(dy, x)),
  channels: "permutation",
});

export const Erf = elementwise("Erf", {
  // y' = 2/√π · exp(−x²)
  gradient: unaryGradient((dy, x) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  channels: "permutation",
});

export const Sign = elementwise("Sign", { gradient: "stops", channels: "permutation" });
export const Reciprocal = elementwise("Reciprocal", {
  evaluate: ofElement((x) => 1 / x),
  // y' = −1 / x² = −y²
  gradient: unaryGradient((dy, _x, y) => neg(mul(dy, mul(y, y)))),
  channels: "permutation",
});

export const Sin = elementwise("Sin", { gradient: unaryGradient((dy, x) => mul(dy, cos(x))), channels: "permutation" });
export const Cos = elementwise("Cos", {
  gradient: unaryGradient((dy, x) => neg(mul(dy, sin(x)))),
  channels: "permutation",
});

export const Floor = elementwise("Floor", {
  evaluate: ofElement(Math.floor),
  gradient: "stops",
  channels: "permutation",
});
export const Ceil = elementwise("Ceil", { evaluate: ofElement(Math.ceil), gradient: "stops", channels: "permutation" });
export const Round = elementwise("Round", {
  evaluate: ofElement(roundToEven),
  gradient: "stops",
  channels: "permutation",
});

/** Halves go to the even number. */
function roundToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

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
export const erf = unary(Erf);
export const sin = unary(Sin);
export const cos = unary(Cos);
export const floor = unary(Floor);
export const round = unary(Round);

/** The same values, through which no gradient passes. */
export const detach = unary(StopGradient);
