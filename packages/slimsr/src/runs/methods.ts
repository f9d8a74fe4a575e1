import { EMBEDDED_VGG19 } from "../assets.js";
import { FINE_BITS } from "../quantisation/processor.js";
import type { TrainableOptions } from "../quantisation/trainable.js";
import type { Settings } from "./settings.js";

/**
 * `csd`: L1 and the contrastive loss, as published; `joint`: teacher and students with shared weights, L1 alone (J-T1); `slice`:
 * students start as slices of the teacher, L1 alone; `scratch`: the same from random weights; `kd`: L1 to the truth and to the
 * teacher's output; `pams` and `pact`: L1 with the roundings of these papers, and PAMS's transfer of the teacher's features.
 */
export const METHODS = ["csd", "joint", "slice", "scratch", "kd", "pams", "pact"] as const;
export type Method = (typeof METHODS)[number];

/** Methods that are ways of rounding: they need the bits. */
export const ROUNDING_METHODS = ["pams", "pact"] as const satisfies readonly Method[];

/** Whether a method trains the teacher along with its students. */
export const isTeacherTrained = ({ method, teacherWeights }: Settings): boolean =>
  method === "joint" || (method === "csd" && teacherWeights === "shared");

/** Whether a method looks at a teacher that stays as it is. */
export const isTeacherFrozen = ({ method, teacherWeights }: Settings): boolean =>
  method === "kd" || (method === "csd" && teacherWeights === "frozen");

/** Whether a method runs a teacher that stays as it is, for its output or its features. */
export const isTeacherRun = (settings: Settings): boolean => isTeacherFrozen(settings) || settings.method === "pams";

/** How students round their numbers as they are trained; undefined where they don't. */
export function roundingOf({ method, bits, activationBits }: Settings): Rounding | undefined {
  if (bits === undefined) return undefined;
  const own = method === "pams" || method === "pact" ? method : "ours";
  // Weights of 7 bits are for processors whose products of bytes must fit 16 bits; activations are bytes still.
  return { method: own, bits, activationBits: activationBits ?? (own === "ours" && bits >= FINE_BITS ? 8 : bits) };
}

/** Whether students may be trained merged: published starts are those of the network as it lies, and students with roundings are merged anyway. */
export const isMergeable = (settings: Settings): boolean =>
  settings.init === "principal" && !isTeacherTrained(settings) && roundingOf(settings) === undefined;

export type Rounding = Pick<TrainableOptions, "method" | "bits" | "activationBits">;

/** Whether students learn the output of another network. */
export const learnsOutput = (settings: Settings): boolean =>
  ((isTeacherTrained(settings) || isTeacherFrozen(settings)) && settings.lambdaDistillation > 0) ||
  (isTeacherFrozen(settings) && isContrasted(settings));

/** The file of VGG19's weights, where the method looks through them. */
export const vggFile = (settings: Settings): string | undefined =>
  isContrasted(settings) && settings.contrast === "vgg" ? (settings.vgg ?? EMBEDDED_VGG19) : undefined;

/** What keeps a step from being divided among ranks. */
export const sharing = (settings: Settings): { isContrasted: boolean; hasMemoryBank: boolean } => ({
  isContrasted: isContrasted(settings),
  hasMemoryBank: settings.memoryBank,
});

/** Whether a run has the contrastive loss. */
export const isContrasted = ({ method, lambdaContrastive }: Settings): boolean =>
  method === "csd" && lambdaContrastive > 0;
