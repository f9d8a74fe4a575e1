import { GraphError } from "../errors.js";
import type { Operator } from "../graph/index.js";
import * as activations from "./activations.js";
import * as arithmetic from "./arithmetic.js";
import * as comparisons from "./comparisons.js";
import * as convolution from "./convolution.js";
import * as convolutionGradients from "./convolution-gradients.js";
import * as functions from "./functions.js";
import * as joining from "./joining.js";
import * as normalisation from "./normalisation.js";
import * as pooling from "./pooling.js";
import * as products from "./products.js";
import * as quantisation from "./quantisation.js";
import * as reductions from "./reductions.js";
import * as reshaping from "./reshaping.js";
import * as resize from "./resize.js";
import * as shuffle from "./shuffle.js";
import * as sizes from "./sizes.js";

export * from "./activations.js";
export type { Operand } from "./apply.js";
export * from "./arithmetic.js";
export * from "./comparisons.js";
export * from "./convolution.js";
export * from "./convolution-gradients.js";
export * from "./functions.js";
export * from "./joining.js";
export * from "./normalisation.js";
export * from "./pooling.js";
export * from "./products.js";
export * from "./quantisation.js";
export * from "./reductions.js";
export * from "./reshaping.js";
export * from "./resize.js";
export * from "./shuffle.js";
export * from "./sizes.js";
export type { WindowOptions } from "./windows.js";

const isOperator = (member: unknown): member is Operator => typeof member === "object";

/** All that the families declare. */
export const OPERATORS: readonly Operator[] = [
  ...[activations, arithmetic, comparisons, convolution, convolutionGradients, functions],
  ...[joining, normalisation, pooling, products, quantisation, reductions, reshaping, resize, shuffle, sizes],
].flatMap((family) => Object.values(family).filter(isOperator));

const BY_NAME: ReadonlyMap<string, Operator> = new Map(
  OPERATORS.map((operator) => [`${operator.domain}:${operator.name}`, operator]),
);

const declared = (name: string, domain: string): Operator | undefined => BY_NAME.get(`${domain}:${name}`);

export const isDeclared = (name: string, domain = ""): boolean => declared(name, domain) !== undefined;

/** @throws GraphError for an operator that isn't declared */
export function operatorNamed(name: string, domain = ""): Operator {
  const found = declared(name, domain);
  if (!found) throw new GraphError(`operator ${name} is not supported`);
  return found;
}
