import type { Value } from "@slimsr/core/internal/graph/index.js";

/** What is summed up for a convolution's equations: Σ a·aᵀ, Σ r·aᵀ. */
export type Sought = "gram" | "cross";

/** Declares an output that batches add up. */
export type Output = (name: string, value: Value) => void;
