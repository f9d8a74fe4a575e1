import type { Attributes } from "./attributes.js";
import type { Value } from "./graph.js";
import { inferOutputs, type TensorType } from "./operands.js";
import type { Operator } from "./operator.js";
import { elements, type TensorData } from "./types.js";

/** Elements of a value whose content is computed when its node is added, at most: sizes are a few numbers. */
const MOST_KNOWN = 4096;

/** What an operator is applied to, as far as its outputs' contents follow from it. */
export interface Evaluation {
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: readonly TensorType[];
  /** The inputs' contents; undefined where they aren't known, or the input is left out. */
  readonly contents: readonly (TensorData | undefined)[];
}

/** The content of a constant, or of a value that follows from constants and shapes; undefined for any other. */
export const contentOf = (value: Value | undefined): TensorData | undefined => value?.data ?? value?.known;

/** Whether a value's content follows from constants and shapes: it is the same whatever the image shows. */
export const isKnown = ({ data, known }: Value): boolean => data !== undefined || known !== undefined;

/** The numbers of a value whose content is known, its integers if it has any; undefined for any other, and for halves. */
export function numbersOf(value: Value | undefined): number[] | undefined {
  const content = contentOf(value);
  if (!content || content instanceof Uint16Array) return undefined;
  return Array.from<bigint | number, number>(content, Number);
}

/** Contents of outputs that are small, from inputs that are: those of sizes. */
export function knownContents(
  operator: Operator,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  outputs: readonly TensorType[],
): readonly (TensorData | undefined)[] {
  if (!operator.evaluate || outputs.some((output) => !isSmall(output))) return [];
  const contents = inputs.map((value) => (value && isSmall(value) ? contentOf(value) : undefined));
  return operator.evaluate({ inputs, attributes, outputs, contents });
}

const isSmall = ({ shape }: TensorType): boolean => elements(shape) <= MOST_KNOWN;

/**
 * The outputs of an operator whose inputs are constants; undefined where they can't be computed.
 * @param affordable whether outputs of these shapes may be
 */
export function evaluateConstants(
  operator: Operator,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  affordable: (outputs: readonly TensorType[]) => boolean,
): readonly (TensorType & { readonly data: TensorData })[] | undefined {
  if (!operator.evaluate || inputs.some((value) => value && !value.data)) return undefined;
  const outputs = inferOutputs(operator, inputs, attributes);
  if (!affordable(outputs)) return undefined;
  const contents = operator.evaluate({ inputs, attributes, outputs, contents: inputs.map((value) => value?.data) });
  const evaluated = outputs.flatMap((output, i) => {
    const data = contents[i];
    return data ? [{ ...output, data }] : [];
  });
  return evaluated.length === outputs.length ? evaluated : undefined;
}
