import { RunError } from "@slimsr/core/internal/errors.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import { unpackParameters } from "@slimsr/core/internal/model/flat.js";
import { type KeptOutputs, PatchSampler } from "../datasets/patch-sampler.js";
import type { EvaluationRow } from "../evaluation/evaluate.js";
import { mean } from "../evaluation/score.js";
import { alone, type Exchange } from "../exchange/exchange.js";
import { isShared, learnedShapes } from "../training/learners.js";
import { drawNegatives } from "../training/negatives.js";
import { contrastiveWeightAt, learningRateAt } from "../training/schedule.js";
import { batchIndex, type Share, shareOf } from "../training/share.js";
import { type MicroBatch, type StepLosses, Trainer, type TrainingState } from "../training/trainer.js";
import { interrupted, isInterruption } from "./interruption.js";
import { Meters } from "./meters.js";
import { sharing } from "./methods.js";
import type { Run } from "./open.js";
import { Recorder } from "./recorder.js";
import { saveState } from "./state.js";
import { modelsOf } from "./trained-networks.js";
import { validate } from "./validation.js";

/** What a step did, for whoever watches. */
export interface StepReport {
  readonly step: number;
  readonly steps: number;
  readonly losses: StepLosses;
  readonly learningRate: number;
  /** Seconds that the step took. */
  readonly seconds: number;
}

export interface TrainingHooks {
  readonly onStep?: (report: StepReport) => void;
  /** Called at step 0 too, before anything is made that only training needs. */
  readonly onValidation?: (rows: readonly EvaluationRow[], step: number) => void;
  /** Called when the last step is taken. */
  readonly onTrained?: () => void;
  readonly signal?: AbortSignal | undefined;
  /** Ranks that train together; this process alone where left out. */
  readonly exchange?: Exchange | undefined;
}

/**
 * Trains a run to its last step. State, metrics and the best checkpoint are on disk at every checkpoint; whatever ends the work
 * earlier, the run goes on from there exactly as if it had not ended. Of several ranks each computes a share of every step; the first one writes.
 * @param makeOutputs makes what students learn beside the truth, where it is made before; it is called once what training starts from is measured
 * @throws InterruptedError when the signal aborts, after the step under way and a checkpoint
 * @throws RunError for a loss that is not finite, or files that can't be written; the last checkpoint stays
 */
export async function train(
  run: Run,
  makeOutputs: () => Promise<KeptOutputs | undefined>,
  { onStep, onValidation, signal, exchange = alone }: TrainingHooks = {},
): Promise<void> {
  const { folder, settings, options, state } = run;
  const { steps, checkpointEvery, validateEvery } = settings;
  const share = shareOf({ ...settings, ...sharing(settings) }, exchange);
  const recorder = exchange.rank === 0 ? await Recorder.open(folder, state.step) : undefined;
  const meters = new Meters();
  let { progress } = run;
  let work: Work | undefined;
  const measure = () => {
    const { seconds, joules } = meters.take();
    progress = {
      ...progress,
      step: state.step,
      seconds: progress.seconds + seconds,
      joules: joules === null ? progress.joules : (progress.joules ?? 0) + joules,
      peakMemory: Math.max(progress.peakMemory, process.resourceUsage().maxRSS * 1024),
    };
  };
  const checkpoint = async () => {
    await work?.trainer.settle();
    measure();
    await recorder?.flush();
    await saveState(folder, "latest", state, progress);
  };
  const validation = async () => {
    await work?.trainer.settle();
    measure();
    const { rows, saved } = await validate(modelsOf(run, learnedOf(run, state)), run, state.step, { signal, exchange });
    meters.take();
    const networks = rows.map(({ model, width, psnr, ssim }) => ({ label: model, width: width ?? 1, psnr, ssim }));
    await recorder?.validation({ kind: "validation", step: state.step, seconds: progress.seconds, networks }, saved);
    onValidation?.(rows, state.step);
    progress = { ...progress, validated: state.step };
    const psnr = meanStudent(rows, isShared(options));
    if (progress.best && psnr <= progress.best.psnr) return;
    progress = { ...progress, best: { step: state.step, psnr } };
    await saveState(folder, "best", state, progress);
  };
  const prepare = async () => {
    try {
      return await openWork(run, share, makeOutputs, exchange);
    } finally {
      // It isn't training.
      meters.take();
    }
  };
  const isDue = (every: number) => state.step % every === 0 || state.step === steps;
  try {
    for (;;) {
      if (isDue(validateEvery) && progress.validated < state.step) await validation();
      if (isDue(checkpointEvery)) await checkpoint();
      if (state.step >= steps) break;
      work ??= await prepare();
      const { sampler, trainer } = work;
      // Ranks stop after the same step: one that is to stop says so in the next.
      if (exchange.size > 1 ? trainer.isStopping : signal?.aborted) throw interrupted(folder, settings, state.step);
      const next = await nextBatches(sampler, run, share, state.step);
      const learningRate = learningRateAt(state.step + 1, settings);
      const start = performance.now();
      const weights = {
        learningRate,
        teacherWeight: settings.lambdaTeacher,
        anchorWeight: settings.lambdaAnchor,
        distillationWeight: settings.lambdaDistillation,
        attentionWeight: settings.lambdaAttention,
        contrastiveWeight: contrastiveWeightAt(state.step + 1, settings),
      };
      const losses = await trainer.step(next, weights, signal?.aborted);
      requireFinite(run, state.step, losses);
      const seconds = (performance.now() - start) / 1000;
      recorder?.step({ kind: "step", step: state.step, learningRate, losses, seconds });
      onStep?.({ step: state.step, steps, losses, learningRate, seconds });
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    await checkpoint();
    throw interrupted(folder, settings, state.step);
  } finally {
    await Promise.all([work?.trainer.close(), work?.sampler.close(), recorder?.close()]);
  }
}

/** What takes steps, and what reads their batches. */
interface Work {
  readonly trainer: Trainer;
  readonly sampler: PatchSampler;
}

/** The step is compiled first: what a device can't do needn't wait for outputs. */
async function openWork(
  { settings, options, training, state }: Run,
  share: Share,
  makeOutputs: () => Promise<KeptOutputs | undefined>,
  exchange: Exchange,
): Promise<Work> {
  const { accumulate, patch: side, candidates, scaleAugmentation, seed, skipBad } = settings;
  const { samples, batches, weight } = share;
  const own = { ...options, batch: samples.count, accumulate: batches.count };
  const trainer = await Trainer.compile(own, state, { exchange, weight });
  try {
    const sampler = new PatchSampler(training, {
      side,
      batch: samples.count,
      first: samples.first,
      candidates,
      scaleAugmentation,
      indexOf: (n) => batchIndex(share, accumulate, n),
      seed,
      skipBad,
      outputs: await makeOutputs(),
      space: colourSpaceOf(options.model.descriptor),
    });
    return { trainer, sampler };
  } catch (error) {
    await trainer.close();
    throw error;
  }
}

/** What training moves, by name; the moving average where one is kept. */
export const learnedOf = ({ options }: Pick<Run, "options">, { parameters, average }: TrainingState) =>
  unpackParameters(average ?? parameters, learnedShapes(options));

async function nextBatches(
  sampler: PatchSampler,
  { settings: { accumulate, seed, negatives, batch }, options }: Run,
  share: Share,
  step: number,
): Promise<MicroBatch[]> {
  const batches: MicroBatch[] = [];
  const { count } = share.batches;
  for (let n = step * count; n < (step + 1) * count; n++) {
    const drawn = options.contrastive && drawNegatives(seed, batchIndex(share, accumulate, n), negatives, batch);
    batches.push({ ...(await sampler.batch(n)), ...(drawn && { negatives: drawn }) });
  }
  return batches;
}

/** What an image that equals its truth counts where checkpoints are compared, in dB: a flat one does at every step. */
const IDENTICAL = 100;

/** The mean PSNR of the students; the shared teacher, a network of its own there, is not counted. */
function meanStudent(rows: readonly EvaluationRow[], shared: boolean): number {
  const students = shared ? rows.slice(1) : rows;
  return mean(students.map(({ images }) => mean(images.map(({ psnr }) => Math.min(psnr, IDENTICAL)))));
}

function requireFinite({ folder }: Run, step: number, losses: StepLosses): void {
  const wrong = Object.entries(losses).find(([, value]) => ![value].flat().every(Number.isFinite));
  if (!wrong) return;
  throw new RunError(
    `step ${step}: ${wrong[0]} is ${[wrong[1]].flat().join(", ")}. The last checkpoint in ${folder.path} is sound. Begin again with a ` +
      "lower --learning-rate, a longer --warmup, or smaller weights of the losses",
  );
}
