import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Exchange } from "../exchange/exchange.js";

/** Things in a row, from `first` on. */
interface Span {
  readonly first: number;
  readonly count: number;
}

/** What one rank computes of a step, whose samples all ranks share out. */
export interface Share {
  /** Of the step's micro-batches. */
  readonly batches: Span;
  /** Of each micro-batch's samples. */
  readonly samples: Span;
  /** Its share of all the step's samples: what its means count in the step's. */
  readonly weight: number;
}

interface Step {
  /** Samples of a micro-batch. */
  readonly batch: number;
  /** Micro-batches of a step. */
  readonly accumulate: number;
  /** Whether a loss compares a micro-batch's samples with one another, so that it can't be divided. */
  readonly isContrasted: boolean;
  /** Whether features of one micro-batch's negatives are kept for the next, so that no two can be done at once. */
  readonly hasMemoryBank?: boolean;
}

/**
 * A rank's share of each step: whole micro-batches where every rank gets as many, else a part of each. A function of the settings, the rank and their
 * number alone; the batches are the same on any number of ranks.
 * @throws UsageError where there are too few samples, or a micro-batch would be divided that can't be
 */
export function shareOf(
  { batch, accumulate, isContrasted, hasMemoryBank = false }: Step,
  { rank, size }: Pick<Exchange, "rank" | "size">,
): Share {
  if (hasMemoryBank && size > 1) {
    throw new UsageError(
      `the memory bank passes from batch to batch, and ${size} ranks take batches at once: leave --memory-bank out, or train without ranks`,
    );
  }
  if (accumulate % size === 0) {
    const count = accumulate / size;
    return { batches: { first: rank * count, count }, samples: { first: 0, count: batch }, weight: 1 / size };
  }
  if (isContrasted) {
    throw new UsageError(
      `the contrastive loss compares a batch's samples with one another, and ${size} ranks can't share out ${accumulate === 1 ? "one batch" : `${accumulate} batches`} of a step: choose --accumulate ${size * Math.ceil(accumulate / size)} with a smaller --batch, another number of ranks, or kd`,
    );
  }
  if (batch < size) {
    throw new UsageError(
      `a batch of ${batch} is too small for ${size} ranks: choose a larger --batch, --accumulate ${size}, or fewer ranks`,
    );
  }
  const cut = (at: number) => Math.floor((at * batch) / size);
  const [first, end] = [cut(rank), cut(rank + 1)];
  return {
    batches: { first: 0, count: accumulate },
    samples: { first, count: end - first },
    weight: (end - first) / batch,
  };
}

/** The index, over all of training, of a rank's `n`th micro-batch. */
export const batchIndex = ({ batches }: Share, accumulate: number, n: number): number =>
  Math.floor(n / batches.count) * accumulate + batches.first + (n % batches.count);
