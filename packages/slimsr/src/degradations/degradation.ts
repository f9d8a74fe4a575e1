import { UsageError } from "@slimsr/core/internal/errors.js";

/** Values from `least` to `most`, one of which is drawn for each image. */
export interface Span {
  readonly least: number;
  readonly most: number;
}

/** One thing that is done to an image. */
export type Step = { readonly kind: "bicubic" } | ({ readonly kind: "noise" | "jpeg" | "blur" } & Span);

/** How a network's input is made of the truth. */
export interface Degradation {
  /** As it is written: "blur:1.6+bicubic", "noise:0-50". */
  readonly text: string;
  /** What is done to a whole image, once; its result has 8 bits a sample, as images in files have. */
  readonly stored: readonly Step[];
  /** Standard deviation, of 255 levels, of Gaussian noise that is added last, where any is: neither rounded nor clipped. */
  readonly noise: Span | undefined;
}

/** What each kind takes, and how that is called. */
const KINDS = {
  noise: { least: 0, most: 255, whole: false, example: "noise:25", what: "a standard deviation of 255 levels" },
  jpeg: { least: 1, most: 100, whole: true, example: "jpeg:40", what: "a whole quality" },
  blur: { least: 0.1, most: 20, whole: false, example: "blur:1.6", what: "a standard deviation in pixels" },
} as const;

/** What errors and help say there is. */
export const DEGRADATIONS =
  "bicubic, noise:25 (Gaussian, σ of 255 levels), jpeg:40 (quality), blur:1.6 (Gaussian, σ in pixels), chains such as blur:1.6+bicubic, ranges such as noise:0-50";
/** Those that keep images as large as they are. */
const RESTORED = "such as noise:25, jpeg:40, blur:1.6, blur:1.6+noise:10 or noise:0-50";

/** Bicubic reduction alone: the standard of super-resolution. */
export const BICUBIC: Degradation = { text: "bicubic", stored: [{ kind: "bicubic" }], noise: undefined };

/**
 * Reads "blur:1.6+bicubic+noise:0-50".
 * @throws UsageError naming the part that is none
 */
export function parseDegradation(text: string): Degradation {
  const steps = text.trim().split("+").map(parseStep);
  if (steps.filter(({ kind }) => kind === "bicubic").length > 1) {
    throw new UsageError(`${text}: bicubic reduces by the whole scale; name it once`);
  }
  const last = steps.at(-1) as Step;
  const isNoise = last.kind === "noise";
  return {
    text: showSteps(steps),
    stored: isNoise ? steps.slice(0, -1) : steps,
    noise: isNoise ? last : undefined,
  };
}

function parseStep(text: string): Step {
  if (text === "bicubic") return { kind: "bicubic" };
  const [, kind = "", first = "", last = first] = /^([a-z]+):([\d.]+)(?:-([\d.]+))?$/.exec(text) ?? [];
  if (!isKind(kind)) throw new UsageError(`"${text}" is no degradation; there are ${DEGRADATIONS}`);
  const { least, most, whole, example, what } = KINDS[kind];
  const values = [Number(first), Number(last)] as const;
  const isValue = (value: number) => value >= least && value <= most && (!whole || Number.isInteger(value));
  if (!values.every(isValue) || values[0] > values[1]) {
    throw new UsageError(
      `"${text}": ${kind} takes ${what} from ${least} to ${most}, or a range of them, as ${example}`,
    );
  }
  return { kind, least: values[0], most: values[1] };
}

const isKind = (text: string): text is keyof typeof KINDS => Object.hasOwn(KINDS, text);

/** Steps as `parseDegradation` reads them. */
export const showSteps = (steps: readonly Step[]): string => steps.map(showStep).join("+");

function showStep(step: Step): string {
  if (step.kind === "bicubic") return step.kind;
  return `${step.kind}:${step.least === step.most ? step.least : `${step.least}-${step.most}`}`;
}

/**
 * What makes the input of a network where a set has none: what is asked for; bicubic reduction for one that enlarges.
 * @throws UsageError where it doesn't reduce by the scale, or nothing says what a restoration network is to restore
 */
export function degradationFor(scale: number, text: string | undefined, set: string): Degradation {
  const asked = text === undefined ? undefined : parseDegradation(text);
  if (scale > 1) {
    const degradation = asked ?? BICUBIC;
    if (degradation.stored.some(({ kind }) => kind === "bicubic")) return degradation;
    throw new UsageError(
      `${degradation.text} leaves images as large as they are, but the network enlarges ×${scale}: say where they are reduced, as in ` +
        `bicubic+${degradation.text} or ${degradation.text}+bicubic`,
    );
  }
  if (asked === undefined) {
    throw new UsageError(
      `${set}: the network leaves images as large as they are, and nothing says what it restores: make its input with --degrade (${RESTORED}), ` +
        "or give folders of both: input and truth, images of one size by the same names",
    );
  }
  if (asked.stored.some(({ kind }) => kind === "bicubic")) {
    throw new UsageError(
      `${asked.text} reduces images, but the network leaves them as large as they are: leave bicubic out`,
    );
  }
  return asked;
}
