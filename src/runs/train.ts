import { PatchSampler } from "../datasets/patch-sampler.js";
import { InterruptedError, RunError } from "../errors.js";
import type { EvaluationRow } from "../evaluation/evaluate.js";
import { unpackParameters } from "../training/flat.js";
import { isShared, learnedShapes } from "../training/learners.js";
import { drawNegatives } from "../training/negatives.js";
import { learningRateAt } from "../training/schedule.js";
import { type MicroBatch, type StepLosses, Trainer, type TrainingState } from "../training/trainer.js";
import { Journal } from "./journal.js";
import { modelsOf } from "./models.js";
import type { Run } from "./open.js";
import { saveState } from "./state.js";
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
  readonly onValidation?: (step: number, rows: readonly EvaluationRow[]) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains a run to its last step. State, metrics and the best checkpoint are on disk at every checkpoint; whatever ends the work
 * earlier, the run goes on from there exactly as if it had not ended.
 * @throws InterruptedError when the signal aborts, after the step under way and a checkpoint
 * @throws RunError for a loss that is not finite, or files that can't be written; the last checkpoint stays
 */
export async function train(run: Run, { onStep, onValidation, signal }: TrainingHooks = {}): Promise<void> {
  const { folder, settings, options, training, state } = run;
  const { steps, batch, patch: side, seed, skipBad, checkpointEvery, validateEvery } = settings;
  const journal = await Journal.resume(folder, state.step);
  const sampler = new PatchSampler(training, { side, batch, seed, skipBad });
  const trainer = await Trainer.compile(options, state).catch(async (error: unknown) => {
    await sampler.close();
    throw error;
  });
  let progress = run.progress;
  let since = performance.now();
  const elapse = () => {
    const now = performance.now();
    progress = { ...progress, seconds: progress.seconds + (now - since) / 1000 };
    since = now;
  };
  const checkpoint = async () => {
    elapse();
    await journal.flush();
    await saveState(folder, "latest", state, { ...progress, step: state.step });
  };
  const validation = async () => {
    elapse();
    const rows = await validate(modelsOf(run, learnedOf(run, state)), run, state.step, signal);
    since = performance.now();
    const networks = rows.map(({ model, width, psnr, ssim }) => ({ label: model, width: width ?? 1, psnr, ssim }));
    journal.add({ kind: "validation", step: state.step, seconds: progress.seconds, networks });
    onValidation?.(state.step, rows);
    progress = { ...progress, validated: state.step };
    const psnr = meanStudent(rows, isShared(options));
    if (!progress.best || psnr > progress.best.psnr) {
      progress = { ...progress, best: { step: state.step, psnr } };
      await saveState(folder, "best", state, { ...progress, step: state.step });
    }
  };
  const isDue = (every: number) => state.step % every === 0 || state.step === steps;
  try {
    for (;;) {
      if (isDue(validateEvery) && progress.validated < state.step) await validation();
      if (isDue(checkpointEvery)) await checkpoint();
      if (state.step >= steps) break;
      if (signal?.aborted) throw interrupted(run, state.step);
      const batches = await nextBatches(sampler, run, state.step);
      const learningRate = learningRateAt(state.step + 1, settings);
      const start = performance.now();
      const losses = await trainer.step(batches, {
        learningRate,
        teacherWeight: settings.lambdaTeacher,
        distillationWeight: settings.lambdaDistillation,
        contrastiveWeight: settings.lambdaContrastive,
      });
      requireFinite(run, state.step, losses);
      elapse();
      journal.add({ kind: "step", step: state.step, learningRate, losses, seconds: progress.seconds });
      onStep?.({ step: state.step, steps, losses, learningRate, seconds: (performance.now() - start) / 1000 });
    }
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    await checkpoint();
    throw interrupted(run, state.step);
  } finally {
    await trainer.close();
    await sampler.close();
  }
}

/** What training moves, by name; the moving average where one is kept. */
export const learnedOf = ({ options }: Pick<Run, "options">, { parameters, average }: TrainingState) =>
  unpackParameters(average ?? parameters, learnedShapes(options));

async function nextBatches(
  sampler: PatchSampler,
  { settings: { accumulate, seed, negatives, batch }, options }: Run,
  step: number,
): Promise<MicroBatch[]> {
  const batches: MicroBatch[] = [];
  for (let i = 0; i < accumulate; i++) {
    const index = step * accumulate + i;
    const drawn = options.contrastive && drawNegatives(seed, index, negatives, batch);
    batches.push({ ...(await sampler.batch(index)), ...(drawn && { negatives: drawn }) });
  }
  return batches;
}

/** The mean PSNR of the students; the shared teacher, a network of its own there, is not counted. */
function meanStudent(rows: readonly EvaluationRow[], shared: boolean): number {
  const students = shared ? rows.slice(1) : rows;
  return students.reduce((sum, { psnr }) => sum + psnr, 0) / students.length;
}

function requireFinite({ folder }: Run, step: number, losses: StepLosses): void {
  const wrong = Object.entries(losses).find(([, value]) => ![value].flat().every(Number.isFinite));
  if (!wrong) return;
  throw new RunError(
    `step ${step}: ${wrong[0]} is ${[wrong[1]].flat().join(", ")}. The last checkpoint in ${folder.path} is sound. Begin again with a ` +
      "lower --learning-rate, a longer --warmup, or smaller weights of the losses",
  );
}

const interrupted = ({ folder, settings: { steps } }: Run, step: number): InterruptedError =>
  new InterruptedError(
    `interrupted after step ${step} of ${steps}; all is saved. Go on with: slimsr compress --resume ${folder.path}`,
  );
