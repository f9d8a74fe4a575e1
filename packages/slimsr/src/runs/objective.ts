import { basename } from "node:path";
import {
  isContrasted,
  isMergeable,
  isTeacherFrozen,
  isTeacherTrained,
  learnsOutput,
  roundingOf,
  vggFile,
} from "./methods.js";
import { type Settings, settingsSchema } from "./settings.js";

/** What a run's students learn from, in words: "L1 + L1 to the teacher + 10 · contrastive; frozen teacher". */
export function objectiveOf(settings: Settings): string {
  const { lambdaTeacher, lambdaAnchor, lambdaDistillation, lambdaContrastive, lambdaAttention, tutor } = settings;
  const [trained, frozen] = [isTeacherTrained(settings), isTeacherFrozen(settings)];
  const terms: readonly [weight: number, term: string][] = [
    [1, "L1"],
    [trained || frozen ? lambdaDistillation : 0, `L1 to the ${LEARNT[Math.min(tutor.length, 2)]}`],
    [settings.method === "pams" ? lambdaAttention : 0, "transfer of the teacher's features"],
    [isContrasted(settings) ? lambdaContrastive : 0, contrastiveTerm(settings)],
    [trained ? lambdaTeacher : 0, "the teacher's L1"],
    [trained ? lambdaAnchor : 0, "the teacher's L1 to what it was"],
  ];
  const sum = terms
    .filter(([weight]) => weight > 0)
    .map(([weight, term]) => (weight === 1 ? term : `${weight} · ${term}`))
    .join(" + ");
  const others = [
    ...(trained ? ["shared teacher"] : []),
    ...(frozen && tutor.length === 0 ? ["frozen teacher"] : []),
    ...tutor.map((file) => `tutor ${basename(file)}`),
  ];
  return others.length > 0 ? `${sum}; ${others.join(", ")}${settings.selfEnsemble ? " (self-ensemble)" : ""}` : sum;
}

/** "contrastive", and where it isn't as published: "contrastive of outputs (memory bank)". */
function contrastiveTerm({ contrast, negativesFrom, memoryBank }: Settings): string {
  const how = [...(negativesFrom === "student" ? ["student's negatives"] : []), ...(memoryBank ? ["memory bank"] : [])];
  return `contrastive${contrast === "output" ? " of outputs" : ""}${how.length > 0 ? ` (${how.join(", ")})` : ""}`;
}

/** Whose output is learnt, by the number of tutors; of more the mean. */
const LEARNT = ["teacher", "tutor", "tutors' mean"] as const;

type Key = keyof Settings;

const CONTRASTIVE: readonly Key[] = [
  ...(["contrastiveSchedule", "negatives", "contrast", "negativesFrom", "memoryBank", "contrasted", "ratio"] as const),
];

const THROUGH_VGG: readonly Key[] = ["taps", "vgg", "vggInput"];

/** Which runs look at a setting, where not all do. */
function isUsed(key: Key, settings: Settings): boolean {
  if (CONTRASTIVE.includes(key)) return isContrasted(settings);
  if (THROUGH_VGG.includes(key)) return vggFile(settings) !== undefined;
  switch (key) {
    case "lambdaContrastive":
    case "teacherWeights":
      return settings.method === "csd";
    case "tutor":
      return settings.tutor.length > 0;
    case "selfEnsemble":
      return settings.selfEnsemble;
    case "keepOutputs":
    case "keepOutputsLimit":
      return learnsOutput(settings) && (isTeacherFrozen(settings) || settings.tutor.length > 0);
    case "lambdaDistillation":
      return isTeacherTrained(settings) || isTeacherFrozen(settings);
    case "lambdaTeacher":
    case "lambdaAnchor":
      return isTeacherTrained(settings);
    case "bits":
    case "activationBits":
      return roundingOf(settings) !== undefined;
    case "lambdaAttention":
      return settings.method === "pams";
    case "decayAt":
    case "decayFactor":
      return settings.schedule === "step";
    case "merge":
      return isMergeable(settings);
    case "calibrationPatches":
      return settings.init === "principal";
    default:
      return true;
  }
}

/** The settings that a run looks at; null where one is left to its default. */
export const usedSettings = (settings: Settings): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    (Object.keys(settingsSchema.shape) as Key[])
      .filter((key) => isUsed(key, settings))
      .map((key) => [key, settings[key] ?? null]),
  );
