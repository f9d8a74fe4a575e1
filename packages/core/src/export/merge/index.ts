import { type Graph, rewriteLazily, type Value } from "../../graph/index.js";
import { Identity } from "../../operators/index.js";
import { type BorderOptions, mergeChains } from "./chains.js";
import { mergeEnlarged } from "./enlarged.js";
import { mergeSums } from "./sums.js";

export type { BorderOptions } from "./chains.js";

export interface Merged {
  readonly graph: Graph;
  /** Pixels at each side of the output that differ, or are made by themselves; the others are the same to rounding. */
  readonly border: number;
}

/** Sums within sums and chains within them, at most. */
const MOST_ROUNDS = 16;

/**
 * The same network with each linear stretch merged where that costs fewer operations: convolutions with nothing between them but pixel
 * shuffles, sums of convolutions of one value, and convolutions of repeated pixels. Constants should have been folded in before.
 *
 * A convolution behind another has zeros around the intermediate image, where the merged one computes on. It therefore
 * yields something else for pixels at the border that saw these zeros, unless there are none or the intermediate image would be zero there.
 */
export function mergeLinear(source: Graph, options: BorderOptions): Merged {
  let graph = withoutIdentities(source);
  let border = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const merged = mergeChains(mergeSums(graph), options);
    border = Math.max(border, merged.border);
    if (merged.graph === graph) break;
    graph = merged.graph;
  }
  return { graph: mergeEnlarged(graph), border };
}

const withoutIdentities = (source: Graph): Graph =>
  rewriteLazily(source, (_, imageOf) => ({ operator, inputs }) => {
    const x = inputs[0] as Value;
    return operator === Identity && x.producer ? [imageOf(x)] : undefined;
  });
