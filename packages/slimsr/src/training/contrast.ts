import { UsageError } from "@slimsr/core/internal/errors.js";
import { elements, Graph, type Shape, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { type RatioForm, TAP_WEIGHTS } from "@slimsr/core/internal/objectives/contrastive.js";
import type { ContrastiveOptions } from "@slimsr/core/internal/objectives/csd.js";
import { bicubicNegatives, blurredInputs } from "@slimsr/core/internal/objectives/negatives.js";
import { concat, gather, reshape, slice } from "@slimsr/core/internal/operators/index.js";

/**
 * What negatives are: `bicubic`, enlargements of K of the batch's patches, each compared with every sample, as published; `student`, what the moving
 * average of the student's parameters makes of each contrasted sample's own patch, blurred K ways, as DCKD's history model does.
 */
export const NEGATIVE_SOURCES = ["bicubic", "student"] as const;

export interface ContrastiveStep {
  /** Appends what is frozen to a graph and yields the features of images [N, C, H, W] in 0..255, tap by tap: `vgg19`, or `laplacian`'s. */
  features: (graph: Graph) => (images: Value) => Value[];
  /** K, the number of negatives. */
  negatives: number;
  /** `bicubic` where left out. */
  negativesFrom?: (typeof NEGATIVE_SOURCES)[number];
  /** Whether one negative is made in a step, and the features of the K − 1 before it are kept; for `bicubic`. */
  memoryBank?: boolean;
  /** Samples of the batch that are contrasted, from the first; all where left out. */
  contrasted?: number;
  ratio: RatioForm;
  /** Weights of the taps; as published where left out. Those of 0 are left out. */
  taps?: readonly number[];
  detachTeacher: boolean;
}

/**
 * The contrastive part of a step's loss. Inputs of the graph: `contrastive_weight`; for `bicubic` `negatives` [K] int64, or [1] with a
 * memory bank, indices into the batch; with a bank `bank` [K − 1, F], whose rows are a negative's features one after another.
 * Outputs: with a bank `new_negative` [F], the row of the negative that the step made.
 * @param lr [B, C, h, w]
 * @param averaged the student that has the moving average of its parameters
 * @throws UsageError where numbers don't fit the batch or each other
 */
export function contrastiveInputs(
  graph: Graph,
  options: ContrastiveStep,
  lr: Value,
  scale: number,
  averaged: (lr: Value) => Value,
): ContrastiveOptions & { weight: Value } {
  const [batch] = lr.shape as [number];
  const { negatives, negativesFrom = "bicubic", memoryBank = false, contrasted = batch } = options;
  const { ratio, taps = TAP_WEIGHTS, detachTeacher } = options;
  if (negatives < 1) throw new UsageError("the contrastive loss needs at least one negative");
  if (contrasted < 1 || contrasted > batch) {
    throw new UsageError(`${contrasted} contrasted samples don't fit a batch of ${batch}`);
  }
  const weight = graph.input("contrastive_weight", []);
  const common = {
    weight,
    features: weighed(options, graph),
    weights: taps.filter((tap) => tap !== 0),
    ...{ contrasted, ratio, detachTeacher },
  };
  if (negativesFrom === "student") {
    const own = slice(lr, [{ axis: 0, start: 0, end: contrasted }]);
    return { ...common, negatives: averaged(blurredInputs(own, negatives)), imagesOfNegative: contrasted };
  }
  const drawn = graph.input("negatives", [memoryBank ? 1 : negatives], "int64");
  return {
    ...common,
    negatives: bicubicNegatives(gather(lr, drawn, 0), scale),
    imagesOfNegative: 1,
    ...(memoryBank && { withKept: (features) => withKept(graph, features, negatives - 1) }),
  };
}

/** The features of the taps that weigh something. */
function weighed({ features, taps = TAP_WEIGHTS }: ContrastiveStep, graph: Graph): (images: Value) => Value[] {
  const of = features(graph);
  return (images) => of(images).filter((_, j) => taps[j] !== 0);
}

/** The features [1, …] of a new negative behind those of the kept ones, tap by tap. */
function withKept(graph: Graph, features: readonly Value[], count: number): Value[] {
  const row = rows(features);
  graph.output("new_negative", reshape(row, [elements(row.shape)]));
  const bank = graph.input("bank", [count, elements(row.shape)]);
  let at = 0;
  return features.map((tap) => {
    const shape: Shape = [count, ...tap.shape.slice(1)];
    const start = at;
    at += elements(tap.shape);
    return concat([reshape(slice(bank, [{ axis: 1, start, end: at }]), shape), tap], 0);
  });
}

/** Features [N, …] of several taps as [N, F]. */
const rows = (features: readonly Value[]): Value =>
  concat(
    features.map((tap) => reshape(tap, [tap.shape[0] as number, elements(tap.shape) / (tap.shape[0] as number)])),
    1,
  );

interface BankOptions {
  readonly model: Model;
  readonly batch: number;
  readonly patch: readonly [number, number];
  readonly contrastive: ContrastiveStep;
}

/** The memory bank that training begins with: `bank` [K − 1, F] of `lr` [B, C, h, w] and `negatives` [K − 1] int64, indices into it. */
export function firstBank({ model: { descriptor }, batch, patch, contrastive }: BankOptions): Graph {
  const graph = new Graph("first_bank");
  const lr = graph.input("lr", [batch, descriptor.channels.input, ...patch]);
  const drawn = graph.input("negatives", [contrastive.negatives - 1], "int64");
  const images = bicubicNegatives(gather(lr, drawn, 0), descriptor.scale);
  graph.output("bank", rows(weighed(contrastive, graph)(images)));
  return graph;
}
