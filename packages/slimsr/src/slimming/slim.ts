import { UsageError } from "@slimsr/core/internal/errors.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { countsAtWidth } from "@slimsr/core/internal/model/split.js";
import { untied } from "@slimsr/core/internal/model/untied.js";
import { EMBEDDED_IMAGES } from "../assets.js";
import { inRange, type Patches } from "../calibration/batches.js";
import { calibrationSize } from "../calibration/patch-size.js";
import { calibrationPatches, type ImagePair, patchPairs } from "../calibration/patches.js";
import { settleModel } from "../calibration/settle-range.js";
import { tryOut } from "../engine/trial.js";
import { alone, type Exchange, onFirst } from "../exchange/exchange.js";
import { type Stage, silent } from "../stage.js";
import { alignTeacher, type SlimmingProgress, slimTeacher } from "./aligned-teacher.js";
import type { Alignment } from "./alignment/basis.js";
import { allocate, type Budget, MEASURING_PATCHES } from "./budgets/allocate.js";
import { latencyOf, type TimeBudget } from "./budgets/latency.js";
import { meanShare, settleBudget } from "./budgets/settle.js";
import { withstandingExtremes } from "./extremes.js";
import { fittedStudent, refittedTo } from "./fitted-student.js";
import { pinNotes } from "./pins.js";
import { requireSlimmable } from "./slimmable.js";
import { CHECKED, requireAboveBaseline } from "./teacher-check.js";

export interface SlimOptions {
  /** Shares of every layer's channels: a student for each. */
  readonly widths?: readonly number[];
  /** In place of widths, what one student may cost; each layer's width is then chosen. */
  readonly budget?: Budget | TimeBudget;
  /** Folder of images to calibrate on; photographs that come with the package where left out. */
  readonly calibration?: string;
  /** How inputs are made of the calibration images: "noise:25", "blur:1.6+bicubic" …; bicubic for a teacher that enlarges, where left out. */
  readonly degrade?: string | undefined;
  /** Folder of the inputs of the calibration images, by their names, in place of making them. */
  readonly input?: string | undefined;
  /** Patches of 32×32 LR pixels to calibrate on, or fewer larger ones of as many pixels; 48 where left out. */
  readonly patches?: number;
  /** What is done to channels first; `balanced` where left out. */
  readonly alignment?: Alignment;
  /** Whether convolutions are refitted by least squares; they are where left out. */
  readonly refit?: boolean;
  /** Iterations of Gauss–Newton on all convolutions together, behind refitting; 5 where left out. */
  readonly gaussNewton?: number;
  /** Whether a teacher is taken that is worth less than bicubic interpolation, or than its input where it restores images. */
  readonly belowBicubic?: boolean;
  /** Called with each student as soon as it is made. */
  readonly onStudent?: (student: SlimStudent) => Promise<void>;
  readonly stage?: Stage;
  /** Ranks that share calibration out, all of which make the same students; this process alone where left out. */
  readonly exchange?: Exchange | undefined;
  /** Called with what is worth saying of the teacher, such as a range that was found, and of students that extreme images break. */
  readonly note?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A narrower network, and how it came about. */
export interface SlimStudent {
  readonly model: Model;
  /** The width that was asked for, or the mean share of channels that a budget left. */
  readonly width: number;
  /** Channels that each group keeps. */
  readonly channels: readonly number[];
  /** Seconds from the calibration images on. */
  readonly seconds: number;
  /** What one output takes, where the budget was a time. */
  readonly milliseconds?: number;
}

export interface Slimmed {
  /** Largest difference of the aligned teacher's output to the original's, relative to the output's largest value. */
  readonly difference: number;
  readonly students: readonly SlimStudent[];
}

/**
 * Narrower students of a network without training: its channels are aligned, the first are kept, each convolution is refitted
 * in closed form, and all of them together by a few iterations of Gauss–Newton.
 * @throws UsageError without widths or a budget, where a restoration network's inputs aren't said, or a range can't be found; NetworkError where nothing can be dropped, no student is small enough, the teacher
 * is worth less than bicubic interpolation or its input, or what should stay as it is changes by more than rounding; DatasetError for
 * calibration images that can't be used
 */
export async function slim(network: Model, options: SlimOptions): Promise<Slimmed> {
  const { widths, budget, calibration = EMBEDDED_IMAGES, patches: wanted = 48, stage = silent, signal } = options;
  const { alignment = "balanced", refit = true, belowBicubic = false, onStudent, exchange = alone } = options;
  const { gaussNewton: iterations = refit ? 5 : 0 } = options;
  if (!widths && !budget) throw new UsageError("say how slim: widths, or a budget");
  if (!(Number.isInteger(iterations) && iterations >= 0)) {
    throw new UsageError(`gaussNewton: ${iterations} is no number of iterations; give 0 or more`);
  }
  if (!refit && iterations > 0) {
    throw new UsageError("Gauss–Newton starts from refitted convolutions: leave it out, or refit them");
  }
  const found = untied(network);
  requireSlimmable(found);
  const { groups } = channelAnalysis(found);
  await tryOut(found, signal);
  const { model: teacher, note } = await settleModel(found, { signal });
  for (const each of [...(note === undefined ? [] : [note]), ...pinNotes(teacher)]) options.note?.(each);
  const counts = budget ? [undefined] : (widths ?? []).map((width) => countsAtWidth(groups, width));
  const { degrade, input } = options;
  const images = { scale: teacher.descriptor.scale, space: colourSpaceOf(teacher.descriptor), degrade, input };
  if (!belowBicubic) {
    const pairs: ImagePair[] = [];
    for await (const pair of patchPairs(calibration, { ...images, ...CHECKED, signal })) pairs.push(pair);
    await requireAboveBaseline(teacher, pairs);
  }
  const draw = async (label: string, choice: { count: number; seed?: number }) =>
    inRange(
      teacher.descriptor,
      await stage(label, "patches", (onPatch) =>
        calibrationPatches(calibration, {
          ...images,
          ...choice,
          ...calibrationSize(teacher.descriptor, choice.count),
          ...{ onPatch, signal },
        }),
      ),
    );
  const limit = budget && (await onFirst(exchange, () => settleBudget(teacher, budget)));
  const all = await draw("calibration images", { count: wanted });
  // Nothing is fitted to these.
  const unseen =
    iterations > 0 || limit ? await draw("measuring images", { count: MEASURING_PATCHES, seed: 1 }) : undefined;
  const fittedTo = { patches: all, whole: iterations > 0 && unseen ? { iterations, unseen } : undefined };
  const patches = refittedTo(fittedTo);
  const start = performance.now();
  const staged = <T>(label: string, unit: string, work: (progress: SlimmingProgress) => Promise<T>) =>
    stage(label, unit, (onProgress) =>
      work({ signal, exchange, onProgress: (_, done, total) => onProgress(done, total) }),
    );
  const aligned = await staged("align", "batches", (progress) => alignTeacher(teacher, patches, alignment, progress));
  const chooseWidths = (within: Budget, measuring: Patches) =>
    staged("choose widths", "allocations", (progress) => allocate(aligned, within, patches, measuring, progress));
  const preparation = (performance.now() - start) / 1000;
  const students: SlimStudent[] = [];
  for (const [i, known] of counts.entries()) {
    const begun = performance.now();
    const channels = known ?? (await chooseWidths(limit as Budget, unseen as Patches));
    const share = (known && widths?.[i]) ?? meanShare(aligned.model, channels);
    const say = (text: string) => options.note?.(`student of width ${share}: ${text}`);
    const { model, notes } = refit
      ? await fittedStudent(aligned, channels, share, fittedTo, { stage, signal, exchange, note: say })
      : await withstandingExtremes(await slimTeacher(aligned, channels, patches, false), teacher, patches);
    for (const each of notes) say(each);
    const seconds = preparation + (performance.now() - begun) / 1000;
    const milliseconds =
      budget && "milliseconds" in budget ? await onFirst(exchange, () => latencyOf(model, budget)) : undefined;
    const student = { model, width: share, channels, seconds, ...(milliseconds !== undefined && { milliseconds }) };
    await onStudent?.(student);
    students.push(student);
    await exchange.barrier();
  }
  return { difference: aligned.difference, students };
}
