import { liveNodes } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { Conv } from "@slimsr/core/internal/operators/index.js";
import { layerOf } from "@slimsr/core/internal/quantisation/named-layers.js";
import type { Patches } from "../calibration/batches.js";
import { silent } from "../stage.js";
import { type Quantised, type QuantisedWith, type QuantiseOptions, quantiseWith } from "./quantise.js";
import { nodesInFloat, roundingNoises } from "./rounding-noise.js";
import type { Verification } from "./verify.js";

/** A network of integers of which layers stayed in float so that no more is lost than was asked for. */
export interface WithinLoss {
  readonly quantised: Quantised;
  readonly verification: Verification;
  /** Undefined where all in integers loses no more. */
  readonly kept?: KeptInFloat;
}

export interface KeptInFloat {
  /** Layers in float for that. */
  readonly layers: readonly string[];
  /** What all in integers is worth. */
  readonly without: Verification;
}

/** Decibels that integers lose. */
export const lossOf = ({ psnr }: Verification): number => psnr.float - psnr.integer;

/** Times that more is kept in float where it wasn't enough. */
const ATTEMPTS = 3;
/** Of the noise that may remain: how much there is, is an estimate. */
const MARGIN = 0.9;

/**
 * Quantises a network, and keeps in float what adds most noise for what it costs until at most `maxLoss` dB of PSNR to the truth are lost on the
 * measured patches. The truth, and not the float network's output, is what a loss in dB is of: the same noise costs a better network more.
 * @param drawn images in 0..255
 */
export async function quantiseWithin(
  maxLoss: number,
  model: Model,
  drawn: Patches,
  options: Pick<QuantiseOptions, "bits" | "keepFloat" | "stage" | "signal">,
  measure: (quantised: Quantised) => Promise<Verification>,
): Promise<WithinLoss> {
  const { stage = silent, signal } = options;
  const whole = await quantiseWith(model, drawn, options);
  const without = await measure(whole.quantised);
  let best: WithinLoss = { quantised: whole.quantised, verification: without };
  if (lossOf(without) <= maxLoss) return best;
  const noises = await stage("noise", "activations", (onActivation) => roundingNoises(whole, { onActivation, signal }));
  let [share, lost] = [1, lossOf(without)];
  for (let attempt = 0; attempt < ATTEMPTS && lost > maxLoss; attempt++) {
    share *= (MARGIN * maxLoss) / lost;
    const floatNodes = nodesInFloat(whole.plan.graph, noises, share);
    const layers = layersOf(whole, floatNodes);
    if (layers.length === whole.quantised.convolutions.integer) break;
    const { quantised } = await quantiseWith(model, drawn, { ...options, floatNodes });
    const verification = await measure(quantised);
    lost = lossOf(verification);
    // How much noise there is, is an estimate: more in float may have lost more.
    if (lost < lossOf(best.verification)) best = { quantised, verification, kept: { layers, without } };
  }
  return best;
}

/** Layers of convolutions that would compute with integers. */
function layersOf({ plan: { graph, arithmetic } }: QuantisedWith, floatNodes: ReadonlySet<number>): string[] {
  const convolutions = liveNodes(graph).filter(
    (node, i) => floatNodes.has(i) && node.operator === Conv && arithmetic(node) === "integer",
  );
  return [...new Set(convolutions.flatMap(({ inputs: [, weight] }) => (weight ? [layerOf(weight)] : [])))];
}
