import type { Operator } from "../graph/index.js";
import { likeFirst } from "./shapes.js";

type Rules = Omit<Operator, "name" | "domain"> & Partial<Pick<Operator, "domain">>;

/** Operators of our own. */
export const OWN_DOMAIN = "slimsr";

/** Declares an operator, of ONNX's standard where no domain is given. */
export const operator = (name: string, rules: Rules): Operator => ({ name, domain: "", ...rules });

/** Declares an operator that makes each element from the same element of its operands; as a function of one, if no shape is given. */
export const elementwise = (name: string, rules: Partial<Rules> = {}): Operator =>
  operator(name, { shape: likeFirst, elementwise: true, ...rules });
