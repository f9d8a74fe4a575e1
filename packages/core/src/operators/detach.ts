import type { Value } from "../graph/graph.js";
import { GRADIENT_DOMAIN } from "./gradients.js";
import { single } from "./single.js";

/** The same values, through which no gradient passes. */
export const detach = (x: Value): Value => single("StopGradient", [x], {}, { domain: GRADIENT_DOMAIN });
