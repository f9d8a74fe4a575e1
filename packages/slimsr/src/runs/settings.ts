import { OVERRIDES } from "@slimsr/core/internal/checkpoints/overrides.js";
import { networkOptions } from "@slimsr/core/internal/networks/index.js";
import { TAP_WEIGHTS } from "@slimsr/core/internal/objectives/contrastive.js";
import { DEVICES } from "@slimsr/upscaler/internal/engine/session.js";
import { MOST_THREADS } from "@slimsr/upscaler/internal/node/threads.js";
import * as z from "zod";
import { DEGRADATIONS } from "../degradations/degradation.js";
import type { Budget } from "../slimming/budgets/allocate.js";
import type { TimeBudget } from "../slimming/budgets/latency.js";
import { budgetOf, OUTPUT_SIZE, outputSize, percentage, reduction } from "../slimming/budgets/texts.js";
import { NEGATIVE_SOURCES } from "../training/contrast.js";
import { OPTIMISERS } from "../training/learners.js";
import { SCHEDULES, WEIGHT_SCHEDULES } from "../training/schedule.js";
import { METHODS } from "./methods.js";

/**
 * `principal`: the teacher's channels aligned, and students that have weights of their own refitted in closed form; `plain`: its
 * first channels as they lie, as published; `random`: a new start.
 */
export const STARTS = ["principal", "plain", "random"] as const;

export const MOST_SEED = 2 ** 31;

const bits = z.int().min(2).max(8);
const count = z.int().min(1).max(1e9);
const weight = z.number().min(0).max(1e6);
const share = z.number().min(1e-9).max(1);
const width = z.number().gt(0).max(1);
const path = z.string().min(1);

/** A text of a form of its own, which may be left out. */
const form = (name: string, read: (text: string) => unknown, description: string, expected: string) =>
  z
    .stringFormat(name, (text) => read(text) !== undefined)
    .optional()
    .meta({ description, expected });

/** Every setting of a training run. Keys are those of config files and, in kebab-case, of the command line. */
export const settingsSchema = z.strictObject({
  teacher: path.optional().describe("the network to compress: checkpoint (.safetensors, .pt, .pth) or .onnx"),
  network: z.optional(networkOptions).describe("the network to train, where there is no teacher"),
  pretrained: path
    .optional()
    .describe(
      "a network whose parameters training starts from where names and shapes agree, such as one of another scale",
    ),
  ...OVERRIDES,
  tutor: z
    .array(path)
    .max(16)
    .default([])
    .describe(
      "other networks (as --teacher) whose output students learn in place of the teacher's; of several, the mean",
    ),
  train: path.describe("folder of training images"),
  trainInput: path.optional().describe("folder of their inputs, by the same names, where they aren't made"),
  trainRange: z.string().optional().describe("only these training images, such as 1-800"),
  val: path.describe("folder of validation images; the best checkpoint is chosen on them"),
  valInput: path.optional().describe("folder of their inputs, by the same names, where they aren't made"),
  valRange: z.string().optional().describe("only these validation images, such as 801-810"),
  data: z.array(path).default([]).describe("test sets for the final table (default: the validation images)"),
  degrade: z
    .string()
    .min(1)
    .optional()
    .describe(`how inputs are made of images: ${DEGRADATIONS} (default: a set's own, or bicubic)`),
  skipBad: z.boolean().default(false).describe("go on without images that can't be used"),
  width: z.array(width).min(1).max(16).optional().describe("the students' widths: shares of every layer's channels"),
  budget: form(
    "reduction",
    reduction,
    "so many times fewer parameters, such as 4x; each layer's width is chosen",
    "a factor from 1 to 1000000, such as 4x",
  ),
  macs: form(
    "percentage",
    percentage,
    "this share of the multiply-accumulates, such as 25%; each layer's width is chosen",
    "a percentage above 0 and up to 100, such as 25%",
  ),
  ms: z
    .number()
    .min(0.001)
    .max(3_600_000)
    .optional()
    .describe("this long for an output on this machine; each layer's width is chosen"),
  at: form("size", outputSize, "with --ms: the output's width and height (default: 1280x720)", OUTPUT_SIZE),
  method: z.enum(METHODS).default("csd").describe("how students are trained"),
  bits: bits
    .optional()
    .describe("train students with the roundings of so many bits, 2 to 8, of weights and of what convolutions read"),
  merge: z
    .boolean()
    .default(true)
    .describe(
      "train students with every convolution of the network that they are cut from; else those with weights of their own that start principal have linear stretches merged into one, as slimsr export writes them",
    ),
  activationBits: bits
    .optional()
    .describe("of what convolutions read (default: as --bits; 8 for 7, but for pams and pact)"),
  init: z.enum(STARTS).default("principal").describe("where students start"),
  teacherWeights: z
    .enum(["shared", "frozen"])
    .default("shared")
    .describe("whether students are slices of a teacher that is trained too, or have their own weights"),
  steps: count.default(1500).describe("training steps"),
  batch: count.max(4096).default(16).describe("patches a step"),
  patch: count.max(4096).default(24).describe("pixels along a side of an LR patch"),
  candidates: count
    .max(64)
    .default(1)
    .describe("places that are drawn for each patch, of which the one of most detail is taken"),
  scaleAugmentation: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("share of the patches that are drawn from smaller copies of the training images, two of each"),
  borderWeight: share
    .default(1)
    .describe("what a patch's outermost LR pixels, whose surroundings aren't seen, weigh in the L1s"),
  accumulate: count.max(1024).default(1).describe("batches whose gradients are averaged for a step"),
  learningRate: z.number().min(1e-9).max(10).default(1e-4).describe("peak of the learning rate"),
  optimiser: z
    .enum(OPTIMISERS)
    .default("adam")
    .describe("Adam, or Muon for the weights of convolutions of features to features and Adam for the others"),
  schedule: z.enum(SCHEDULES).default("cosine").describe("how the learning rate falls"),
  warmup: z.int().min(0).max(1e9).default(0).describe("steps in which the learning rate rises from 0"),
  decayAt: share.default(0.5).describe("share of the steps after which the step schedule lowers the rate"),
  decayFactor: share.default(0.1).describe("what the step schedule multiplies the rate by"),
  lambdaTeacher: weight.default(1).describe("weight of the shared teacher's L1"),
  lambdaAnchor: weight
    .default(0)
    .describe("weight of the L1 that holds a shared teacher to its output before training"),
  lambdaContrastive: weight.default(200).describe("weight of the contrastive loss"),
  contrastiveSchedule: z
    .enum(WEIGHT_SCHEDULES)
    .default("constant")
    .describe("how that weight goes: constant, from 0 up to it, or from it down to 0"),
  taps: z
    .array(weight)
    .length(TAP_WEIGHTS.length)
    .default([...TAP_WEIGHTS])
    .describe(
      "weights of VGG19's relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 in the contrastive loss; 0 leaves one out",
    ),
  lambdaDistillation: weight.default(0).describe("weight of the L1 to the teacher's output (kd: 1)"),
  lambdaAttention: weight.default(1000).describe("weight of the transfer of the teacher's features (pams)"),
  keepOutputs: z
    .enum(["auto", "on", "off"])
    .default("auto")
    .describe(
      "whether a frozen teacher's outputs on whole training images are made once and kept: auto, for kd where these have fewer pixels than all steps' patches and there is room; tutors' always are",
    ),
  keepOutputsLimit: z.number().min(0.001).max(1e6).default(2).describe("GiB that kept outputs may take"),
  selfEnsemble: z
    .boolean()
    .default(false)
    .describe("keep outputs that are means over the eight turned and flipped images"),
  negatives: z.int().min(1).max(1024).default(10).describe("K, the negatives of the contrastive loss"),
  contrast: z
    .enum(["vgg", "output"])
    .default("vgg")
    .describe("what the contrastive loss compares: VGG19's features, or the Laplacians of the outputs themselves"),
  negativesFrom: z
    .enum(NEGATIVE_SOURCES)
    .default("bicubic")
    .describe(
      "what negatives are: enlargements of other patches, or what the moving average of the student makes of the same patches blurred",
    ),
  memoryBank: z
    .boolean()
    .default(false)
    .describe("make one negative a step, and keep the features of the K − 1 before it"),
  contrasted: count.optional().describe("samples of the batch that are contrasted"),
  ratio: z
    .enum(["batch", "sample"])
    .default("batch")
    .describe("ratio of means over the batch, or the paper's per sample"),
  vgg: path.optional().describe("VGG19's weights (default: those that come with slimsr, at 8 bits)"),
  vggInput: z
    .enum(["centred", "raw"])
    .default("centred")
    .describe(
      "images for VGG19: less the mean colour that its file names, or raw 0..255 as the published code has them",
    ),
  split: z.enum(["aligned", "official"]).default("aligned").describe("how layers over concatenated features are split"),
  average: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("decay of the weights' moving average, which is then what is kept; 0 for none"),
  calibrationPatches: count.max(1e5).default(192).describe("patches that the principal start is calibrated on"),
  validateEvery: count.default(500).describe("steps between validations"),
  validationPatch: count
    .max(1e5)
    .default(96)
    .describe("LR pixels along a side of the centre that is validated of each image"),
  checkpointEvery: count.default(250).describe("steps between checkpoints"),
  seed: z.int().min(0).max(MOST_SEED).default(0).describe("seed of everything random"),
  belowBicubic: z
    .boolean()
    .default(false)
    .describe(
      "take a teacher or tutor that is worth less than bicubic interpolation, or than its input, as one trained for looks",
    ),
  quantise: z
    .boolean()
    .default(false)
    .describe("write each student in integers too, as -int8.onnx; see slimsr quantise"),
  device: z.enum(DEVICES).default("cpu").describe("where training runs"),
  threads: count.max(MOST_THREADS).optional().describe("threads of the engine (default: all cores)"),
});

export type Settings = z.infer<typeof settingsSchema>;

/** Settings that say where a run's data lies, which may move while it rests. */
export const DATA_PATHS = ["train", "trainInput", "val", "valInput", "data", "vgg"] as const;

/** All settings that are paths. */
export const PATHS = ["teacher", "pretrained", "tutor", ...DATA_PATHS] as const;

export type DataPaths = Partial<Pick<Settings, (typeof DATA_PATHS)[number]>>;

/** Settings that stand in one place: a preset, a config file, the command line. */
export type PartialSettings = Partial<z.input<typeof settingsSchema>>;

/** What says how slim students are: a run has one of these. */
export const SIZES = ["width", "budget", "macs", "ms"] as const;

/** The widths of a run's students where nothing says how slim they are. */
export const STANDARD_WIDTHS: readonly number[] = [0.5];

/** Settings over others; what says how slim students are takes the place of all that did. */
export function settingsOver(others: PartialSettings, settings: PartialSettings): PartialSettings {
  if (SIZES.every((key) => settings[key] === undefined)) return { ...others, ...settings };
  const replaced: readonly string[] = [...SIZES, "at"];
  return { ...Object.fromEntries(Object.entries(others).filter(([key]) => !replaced.includes(key))), ...settings };
}

/** What one student may cost, where its channels are chosen by that. @throws UsageError for a size without a time */
export const budgetIn = (settings: Settings): Budget | TimeBudget | undefined =>
  budgetOf(settings, { device: settings.device, ...(settings.threads !== undefined && { threads: settings.threads }) });
