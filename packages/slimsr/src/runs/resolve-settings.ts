import { UsageError } from "@slimsr/core/internal/errors.js";
import type * as z from "zod";
import { parseDegradation } from "../degradations/degradation.js";
import { complaint, flagOf } from "../text/expectation.js";
import { isContrasted, isTeacherTrained, learnsOutput, ROUNDING_METHODS } from "./methods.js";
import { budgetIn, type Settings, SIZES, STANDARD_WIDTHS, settingsSchema } from "./settings.js";

/**
 * Checks settings and fills in what is left out.
 * @param source what errors call them
 * @throws UsageError naming unknown keys and wrong values
 */
export function resolveSettings(settings: unknown, source: string): Settings {
  const parsed = settingsSchema.safeParse(settings);
  if (!parsed.success) {
    throw new UsageError(`${source}: ${parsed.error.issues.map((issue) => problem(issue, settings)).join("; ")}`);
  }
  const isSized = SIZES.some((key) => parsed.data[key] !== undefined);
  // Parsed again, so that keys have the schema's order whether they were given or not.
  return consistent(isSized ? parsed.data : settingsSchema.parse({ ...parsed.data, width: [...STANDARD_WIDTHS] }));
}

function problem(issue: z.core.$ZodIssue, settings: unknown): string {
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(settingsSchema.shape).join(", ");
    return `unknown ${issue.keys.length > 1 ? "keys" : "key"} ${issue.keys.join(", ")}; there are ${known}`;
  }
  const isLacking = (key: string) =>
    key in settingsSchema.shape && (settings as Readonly<Record<string, unknown>>)[key] === undefined;
  return complaint(issue, settingsSchema, settings, (at) => (isLacking(at) ? `${at} (${flagOf(at)})` : at));
}

function consistent(settings: Settings): Settings {
  const { method, teacher, tutor, network, contrasted, batch, degrade, lambdaDistillation } = settings;
  const complain = (message: string): never => {
    throw new UsageError(message);
  };
  if (teacher === undefined && network === undefined)
    complain("no teacher is given: name its file with --teacher FILE");
  if (teacher !== undefined && network !== undefined)
    complain("a teacher and a network to train are given; one of them is left out");
  if (settings.pretrained !== undefined && network === undefined)
    complain("pretrained is what a network that is trained anew starts from; a teacher has parameters of its own");
  if (teacher === undefined && method !== "scratch" && !(method === "kd" && tutor.length > 0)) {
    complain(`method ${method} needs a teacher`);
  }
  const sizes = SIZES.filter((key) => settings[key] !== undefined);
  if (sizes.length > 1) {
    complain(`${sizes.join(" and ")} are given, and each says how slim students are: leave one out`);
  }
  budgetIn(settings);
  const { width: widths = [] } = settings;
  if (new Set(widths).size < widths.length) complain(`width ${widths.join(",")} names one width twice`);
  if (contrasted !== undefined && contrasted > batch) {
    complain(`contrasted ${contrasted} is more than the batch has (${batch})`);
  }
  if (degrade !== undefined) parseDegradation(degrade);
  if (settings.scaleAugmentation > 0 && settings.trainInput !== undefined) {
    complain(
      "scaleAugmentation and trainInput are given, but smaller copies of the training images have no inputs in that folder: leave one out",
    );
  }
  if (settings.taps.every((tap) => tap === 0)) complain("taps are all 0: one at least must be compared");
  if (method === "joint" && settings.teacherWeights === "frozen") {
    complain("method joint trains the teacher too; a frozen teacher goes with csd and kd");
  }
  const whole: Settings = {
    ...settings,
    ...(method === "scratch" && { init: "random" }),
    ...(method === "kd" && lambdaDistillation === 0 && { lambdaDistillation: 1 }),
  };
  requireLearner(whole, complain);
  requireRoundable(whole, complain);
  requireContrasted(whole, complain);
  return whole;
}

/** What is said of others' outputs needs students that learn them. */
function requireLearner(settings: Settings, complain: (message: string) => never): void {
  const { method, tutor, selfEnsemble, keepOutputs } = settings;
  const said = [tutor.length > 0 && "tutor", selfEnsemble && "selfEnsemble", keepOutputs === "on" && "keepOutputs on"];
  const [first] = said.filter((each) => each !== false);
  if (first === undefined) return;
  if (!learnsOutput(settings)) {
    complain(
      `${first} is given, but students of method ${method} learn no other network's output: leave it out, or choose kd, or weigh that term (lambdaDistillation)`,
    );
  }
  if (tutor.length === 0 && isTeacherTrained(settings)) {
    complain(
      `${first} is given, but the teacher is trained too, so that its outputs change: name a tutor, or choose kd`,
    );
  }
  if (keepOutputs === "off")
    complain(`${first} is given, which needs outputs that are kept: leave keepOutputs off out`);
}

/** What rounds its numbers in training starts from trained weights, which are its own. */
function requireRoundable(settings: Settings, complain: (message: string) => never): void {
  const { method, bits, activationBits, init, optimiser, quantise } = settings;
  if (bits === undefined) {
    if (activationBits !== undefined)
      complain("activationBits is given without bits: give --bits too, or leave it out");
    if (ROUNDING_METHODS.some((name) => name === method)) {
      complain(`method ${method} trains students with the roundings of some bits: name them, such as --bits 4`);
    }
    return;
  }
  if (isTeacherTrained(settings)) {
    complain(
      "bits are given, but students are slices of a teacher that is trained too, and can't be rounded without it: choose --teacher-weights frozen, or kd",
    );
  }
  if (init === "random") complain("bits are given, but ranges of random weights mean nothing: start from a teacher");
  if (optimiser === "muon")
    complain("bits are given, and Muon moves weights that aren't rounded: choose --optimiser adam");
  if (quantise) complain("students of --bits are written in integers too: leave quantise out");
}

/** What the contrastive loss compares is said where there is one, and holds together. */
function requireContrasted(settings: Settings, complain: (message: string) => never): void {
  const { method, contrast, negatives, negativesFrom, memoryBank, ratio, average, width = [] } = settings;
  const said = [
    contrast !== "vgg" && `contrast ${contrast}`,
    negativesFrom !== "bicubic" && `negativesFrom ${negativesFrom}`,
    memoryBank && "memoryBank",
  ];
  const first = said.find((each) => each !== false);
  if (first === undefined) return;
  if (!isContrasted(settings)) {
    complain(
      `${first} is given, but method ${method} has no contrastive loss, or none that weighs anything: leave it out, or choose csd with a lambdaContrastive above 0`,
    );
  }
  if (memoryBank && negatives === 1)
    complain("memoryBank is given, but with negatives 1 none is kept: leave it out, or choose negatives 2 or more");
  if (negativesFrom !== "student") return;
  if (average === 0) {
    complain(
      "negativesFrom student is given, but these come of the moving average of the student, and average is 0: give one, such as --average 0.99",
    );
  }
  if (width.length > 1)
    complain(`negativesFrom student is given, but there are ${width.length} students: name one width, or bicubic`);
  if (memoryBank) {
    complain(
      "negativesFrom student and memoryBank are given, but a bank keeps negatives of other patches, and the student's are of those of the step: leave one out",
    );
  }
  if (ratio === "sample") {
    complain(
      "negativesFrom student and ratio sample are given, but a flat patch is the same when it is blurred, so that its own ratio has no bound: choose ratio batch",
    );
  }
}
