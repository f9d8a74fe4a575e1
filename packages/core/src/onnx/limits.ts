import { OnnxError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import { type Shape, showShape } from "../graph/types.js";

/** Axes of a tensor, at most. */
const MOST_AXES = 16;
/** Elements of an input or a tensor, at most: 1 GiB of float32. A size of 0 counts as 1, for the others are claimed all the same. */
const MOST_ELEMENTS = 2 ** 28;
/** Channels of all layers, at most; networks have some hundred thousand. */
const MOST_CHANNELS = 2 ** 22;
/** Messages in a file, at most: an empty one is two bytes, and hundreds once it is read. */
export const MOST_MESSAGES = 2 ** 18;
/** Nodes, at most, with functions written out. */
export const MOST_NODES = 100_000;
/** Numbers in a list that an operator is told, such as axes, at most. */
const MOST_NUMBERS = 1024;

/**
 * Sizes are claimed in a few bytes, and what they claim would be allocated.
 * @throws OnnxError for a shape that is more than a network's
 */
export function requireModest(what: string, shape: readonly (number | string)[]): void {
  if (shape.length > MOST_AXES) throw new OnnxError(`${what} has ${shape.length} axes; up to ${MOST_AXES} are read`);
  const claimed = shape.map((size) => (typeof size === "number" ? Math.max(1, size) : 1));
  if (claimed.reduce((product, size) => product * size, 1) > MOST_ELEMENTS) {
    const shown = `[${shape.join(", ")}]`;
    throw new OnnxError(`${what} claims ${shown}, more than the ${MOST_ELEMENTS} elements that are read`);
  }
}

/** @throws OnnxError for a list that is longer than an operator's */
export function requireShort(what: string, numbers: { readonly length: number }): void {
  if (numbers.length > MOST_NUMBERS) {
    throw new OnnxError(`${what} holds ${numbers.length} numbers; up to ${MOST_NUMBERS} are read`);
  }
}

/** Counts the channels of a graph, each of which is followed by itself. */
export class ChannelBudget {
  #left = MOST_CHANNELS;

  /** @throws OnnxError where a value has too many axes, or all that came so far have too many channels */
  take({ name, shape, data }: Value): void {
    if (shape.length > MOST_AXES) throw new OnnxError(`${name} has ${shape.length} axes; up to ${MOST_AXES} are read`);
    this.#left -= channelsOf(shape, data !== undefined);
    if (!(this.#left >= 0)) {
      throw new OnnxError(
        `${name} ${showShape(shape)}: the model has more than the ${MOST_CHANNELS} channels that are read`,
      );
    }
  }
}

/** Of an activation, along its axis; of a weight, those that it writes and reads. */
function channelsOf([first = 0, second = 0, ...kernel]: Shape, isWeight: boolean): number {
  if (kernel.length !== 2) return 0;
  return isWeight ? first + second : second;
}
