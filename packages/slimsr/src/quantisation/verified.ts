import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { EMBEDDED_IMAGES } from "../assets.js";
import { calibrationSize } from "../calibration/patch-size.js";
import { type ImagePair, patchPairs } from "../calibration/patches.js";
import { bitsFor, hasByteProducts, type Target } from "./processor.js";
import { type Quantised, type QuantiseOptions, quantiseOn, settled } from "./quantise.js";
import { type Verification, verify } from "./verify.js";
import { type KeptInFloat, lossOf, quantiseWithin, type WithinLoss } from "./within-loss.js";

export interface VerifiedOptions extends QuantiseOptions {
  /** Processors that the file is for; by default this machine's. */
  readonly target?: Target | undefined;
  /** Threads of the engine where it is measured; all cores where left out. */
  readonly threads?: number | undefined;
  /** Decibels of PSNR to the truth that may be lost: more layers stay in float where it were more. Any loss is taken where left out. */
  readonly maxLoss?: number | undefined;
}

/** A network of integers, and what it is worth on this machine. */
export interface VerifiedQuantised extends Quantised {
  readonly verification: Verification;
  /** Where layers stay in float so that no more is lost than may be. */
  readonly kept?: KeptInFloat;
  /** What a user must know, in whole sentences. */
  readonly notes: readonly string[];
}

/** Patches that it is measured on, which it isn't calibrated on, of so many pixels a side. */
const MEASURED = 16;

/**
 * Quantises a network and measures it on this machine. Weights have 7 bits where the processor has no VNNI, or isn't known to have it,
 * unless they are for one that has.
 * @throws as `quantise` and `verify`
 */
export async function quantiseVerified(network: Model, options: VerifiedOptions = {}): Promise<VerifiedQuantised> {
  const { target, threads, degrade, input, calibration = EMBEDDED_IMAGES, maxLoss, signal } = options;
  const known = hasByteProducts();
  const most = bitsFor(target);
  const bits = Math.min(options.bits ?? most, most);
  const own = { ...options, bits };
  const { model, draw } = await settled(network, own);
  const { descriptor } = model;
  const pairs: ImagePair[] = [];
  const { side } = calibrationSize(descriptor, MEASURED);
  for await (const pair of patchPairs(calibration, {
    ...{ scale: descriptor.scale, space: colourSpaceOf(descriptor), degrade, input, signal },
    ...{ side, count: MEASURED, seed: 1 },
  })) {
    pairs.push(pair);
  }
  const measure = (quantised: Quantised) => verify(quantised, pairs, threads);
  const inIntegers = async (): Promise<WithinLoss> => {
    const quantised = await quantiseOn(model, draw, own);
    return { quantised, verification: await measure(quantised) };
  };
  const made =
    maxLoss === undefined ? await inIntegers() : await quantiseWithin(maxLoss, model, await draw(), own, measure);
  const { quantised, verification, kept } = made;
  return {
    ...{ ...quantised, verification },
    ...(kept && { kept }),
    notes: [...notesOn(verification, { bits, known, target }), ...notesOnLoss(made, maxLoss)],
  };
}

/** What stays in float and what it costs, and where that isn't enough. */
function notesOnLoss({ kept, verification }: WithinLoss, maxLoss = Number.POSITIVE_INFINITY): string[] {
  const decibels = (value: number) => `${value.toFixed(3)} dB`;
  const times = (from: Verification) => `${from.milliseconds.integer.toFixed(1)} ms`;
  const loss = lossOf(verification);
  return [
    ...(kept
      ? [
          `${kept.layers.join(", ")} stay in float: ${decibels(loss)} is lost in place of ${decibels(lossOf(kept.without))}, and an image takes ${times(verification)} in place of ${times(kept.without)}`,
        ]
      : []),
    ...(loss > maxLoss
      ? [
          `${decibels(loss)} is lost still, where ${decibels(maxLoss)} may be; training with the roundings (slimsr compress --bits) mends more`,
        ]
      : []),
  ];
}

function notesOn(
  { milliseconds: { float, integer } }: Verification,
  { bits, known, target }: { bits: number; known: boolean | undefined; target: Target | undefined },
): string[] {
  const processor =
    known === undefined
      ? "this system doesn't tell whether its processor has VNNI"
      : known
        ? undefined
        : "this machine's processor has no VNNI";
  return [
    ...(processor && target === undefined
      ? [
          `${processor}: weights have ${bits} bits, which all processors compute right; --target vnni writes 8 for those that have it`,
        ]
      : []),
    ...(target === "vnni" && !known
      ? [
          "the file is for processors with VNNI alone: others add products up in 16 bits, and what doesn't fit is cut off",
        ]
      : []),
    ...(integer >= float
      ? [
          `integers are no faster on this machine: ${integer.toFixed(1)} ms where float takes ${float.toFixed(1)} ms; ` +
            "they are where processors have VNNI (x86) or dot products of bytes (ARM), and not on GPUs",
        ]
      : []),
  ];
}
