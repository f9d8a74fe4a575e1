import { elements, type Shape } from "@slimsr/core/internal/graph/index.js";
import { flatSize } from "@slimsr/core/internal/model/flat.js";
import {
  float32,
  int64,
  type Session,
  type SessionOptions,
  scalar,
  type Tensor,
  type Tensors,
} from "@slimsr/upscaler/internal/engine/session.js";
import type { Batch } from "../datasets/patch-sampler.js";
import { compile } from "../engine/compile.js";
import { alone } from "../exchange/exchange.js";
import { type ContrastiveStep, firstBank } from "./contrast.js";
import { learnedShapes } from "./learners.js";
import { joined, type Ranks } from "./ranks.js";
import { type StepOptions, trainingHalves, trainingStep } from "./step.js";

type Vector = Float32Array<ArrayBuffer>;

/** All that training carries from step to step. */
export interface TrainingState {
  /** Steps taken. */
  step: number;
  parameters: Vector;
  /** Adam's running means of the gradient and of its square. */
  first: Vector;
  second: Vector;
  /** The exponential moving average of the parameters, where one is kept. */
  average?: Vector;
  /** Features of the negatives that the contrastive loss keeps, where it has a memory bank, from the first step on. */
  bank?: Vector;
}

/** A batch and, for the contrastive loss, the indices of K negatives; with a memory bank those behind the first are looked at in the first step alone. */
export interface MicroBatch extends Batch {
  readonly negatives?: readonly number[];
}

/** What varies from step to step. */
export interface StepSchedule {
  readonly learningRate: number;
  /** λ_T, λ_A, λ_D, λ_S and λ_C. */
  readonly teacherWeight: number;
  readonly anchorWeight: number;
  readonly distillationWeight: number;
  readonly attentionWeight: number;
  readonly contrastiveWeight: number;
}

/** A step's losses under the names of `trainingStep`'s outputs, means over its micro-batches, and `gradient_norm`. */
export type StepLosses = Readonly<Record<string, number | readonly number[]>>;

export interface TrainerOptions extends StepOptions {
  /** Micro-batches whose gradients are averaged for one step. */
  accumulate: number;
  /** Decay of the parameters' moving average, if one is kept. */
  averageDecay?: number;
  session: SessionOptions;
}

/** A fresh state for parameters: step 0, moments of 0. */
export const initialState = (parameters: Vector, averaged: boolean): TrainingState => ({
  step: 0,
  parameters,
  first: new Float32Array(parameters.length),
  second: new Float32Array(parameters.length),
  ...(averaged && { average: parameters.slice() }),
});

const STATE = ["parameters", "first", "second"] as const;

/** Where a GPU takes whole steps, it keeps the state from one to the next: copies would take as long as the step. */
const isCarried = ({ session, accumulate }: TrainerOptions, { exchange }: Ranks): boolean =>
  session.device === "webgpu" && accumulate === 1 && exchange.size === 1;

const CARRIED = Object.fromEntries(STATE.map((name) => [`new_${name}`, name]));

/** A compiled training step and the state that it moves on. */
export class Trainer {
  /** Whether the engine has the state's vectors of the last step; those here may be older. */
  #isWithEngine = false;
  /** Buffers that the next step writes into: those of the state before the last. */
  #spare: Record<(typeof STATE)[number], Vector>;
  /** Whether a rank was to stop in the last step. */
  #isStopping = false;

  private constructor(
    readonly state: TrainingState,
    private readonly options: TrainerOptions,
    private readonly ranks: Ranks,
    private readonly shapes: ReadonlyMap<string, Shape>,
    /** The whole step, or its gradients alone: with accumulation, and of several ranks. */
    private readonly session: Session,
    private readonly update: Session | undefined,
  ) {
    const zeros = () => new Float32Array(state.parameters.length);
    this.#spare = { parameters: zeros(), first: zeros(), second: zeros() };
  }

  /**
   * @param state is moved on in place, its vectors when `settle` is called at the latest; the trainer's from here on
   * @param ranks whose states are all the same; `options` are of this rank's share
   */
  static async compile(
    options: TrainerOptions,
    state: TrainingState,
    ranks: Ranks = { exchange: alone, weight: 1 },
  ): Promise<Trainer> {
    const size = flatSize(learnedShapes(options));
    if (state.parameters.length !== size) {
      throw new RangeError(`a state of ${state.parameters.length} parameters for a step with ${size}`);
    }
    const halves = options.accumulate > 1 || ranks.exchange.size > 1 ? trainingHalves(options) : undefined;
    const graph = halves?.gradients ?? trainingStep(options);
    const shapes = new Map(graph.inputs.map(({ name, shape }) => [name, shape]));
    const session = await compile(graph, {
      ...options.session,
      ...(isCarried(options, ranks) && { carried: CARRIED }),
    });
    const update = halves && (await compile(halves.update, options.session));
    return new Trainer(state, options, ranks, shapes, session, update);
  }

  /**
   * Takes one step; the batches' buffers are taken as well.
   * @param batches as many as gradients are accumulated over
   * @param stopping whether this rank is to stop after the step: see `isStopping`
   * @returns the losses of all ranks' samples
   */
  async step(batches: readonly MicroBatch[], schedule: StepSchedule, stopping = false): Promise<StepLosses> {
    const { state } = this;
    if (this.shapes.has("bank")) state.bank ??= await this.#firstBank(batches[0] as MicroBatch);
    const moments = { first: vector(state.first), second: vector(state.second) };
    const rates = { learning_rate: scalar(schedule.learningRate), step: scalar(state.step + 1) };
    const losses = this.update
      ? await this.#accumulate(this.update, batches, schedule, { ...moments, ...rates }, stopping)
      : await this.#run(this.session, {
          ...this.#feeds(batches[0] as MicroBatch, schedule),
          ...(!this.#isWithEngine && { parameters: vector(state.parameters), ...moments }),
          ...rates,
        });
    state.step++;
    if (state.average) await this.settle();
    this.#average();
    return losses;
  }

  /** Whether a rank was to stop after the last step; all ranks know it after the same one. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Brings the state's vectors up to the last step. */
  async settle(): Promise<void> {
    if (!this.#isWithEngine) return;
    const vectors = await this.session.carried();
    for (const name of STATE) this.state[name] = vectors[name]?.data as Vector;
  }

  async close(): Promise<void> {
    await this.session.close();
    await this.update?.close();
  }

  async #accumulate(
    update: Session,
    batches: readonly MicroBatch[],
    schedule: StepSchedule,
    feeds: Tensors,
    stopping: boolean,
  ): Promise<StepLosses> {
    const begun = performance.now();
    const size = this.state.parameters.length;
    let gradient = new Float32Array(size);
    const all: StepLosses[] = [];
    for (const [i, batch] of batches.entries()) {
      const parameters = vector(this.state.parameters);
      const { outputs } = await this.session.run({ ...this.#feeds(batch, schedule), parameters });
      const part = outputs.gradient?.data as Float32Array;
      for (let i = 0; i < size; i++) gradient[i] = (gradient[i] as number) + (part[i] as number) / batches.length;
      this.#keepNegative(outputs, i);
      all.push(lossesOf(outputs));
    }
    let losses = meanLosses(all);
    if (this.ranks.exchange.size > 1) {
      const own = { gradient, losses, stopping, seconds: (performance.now() - begun) / 1000 };
      ({ gradient, losses, stopping: this.#isStopping } = await joined(this.ranks, own));
    }
    const parameters = vector(this.state.parameters);
    return { ...losses, ...(await this.#run(update, { ...feeds, parameters, gradient: vector(gradient) })) };
  }

  /** Runs a session that yields the new state, and takes it over, or leaves it with the engine. */
  async #run(session: Session, feeds: Tensors): Promise<StepLosses> {
    const images = ["lr", "hr", "output"].filter((name) => name in feeds);
    if (isCarried(this.options, this.ranks)) {
      const { outputs } = await session.run(feeds, { move: images });
      this.#isWithEngine = true;
      this.#keepNegative(outputs);
      return lossesOf(outputs);
    }
    const into = Object.fromEntries(STATE.map((name) => [`new_${name}`, vector(this.#spare[name])]));
    const result = await session.run(feeds, { into, move: [...STATE, ...images] });
    for (const name of STATE) {
      this.#spare[name] = result.feeds[name]?.data as Vector;
      this.state[name] = result.outputs[`new_${name}`]?.data as Vector;
    }
    this.#keepNegative(result.outputs);
    return lossesOf(result.outputs);
  }

  /** Features of the first batch's negatives but the one that its step makes. */
  async #firstBank({ lr, negatives }: MicroBatch): Promise<Vector> {
    const { contrastive, session } = this.options;
    const graph = firstBank({ ...this.options, contrastive: contrastive as ContrastiveStep });
    const engine = await compile(graph, session);
    try {
      const feeds = { lr: float32(lr, this.shapes.get("lr") ?? []), negatives: int64(negatives?.slice(1) ?? []) };
      const { outputs } = await engine.run(feeds);
      return outputs.bank?.data as Vector;
    } finally {
      await engine.close();
    }
  }

  /** Puts a step's negative in the place of the oldest one that is kept. */
  #keepNegative({ new_negative: made }: Tensors, microBatch = 0): void {
    const { bank, step } = this.state;
    if (!made || !bank) return;
    const { length } = made.data;
    const oldest = (step * this.options.accumulate + microBatch) % (bank.length / length);
    bank.set(made.data as Float32Array, oldest * length);
  }

  #feeds({ lr, hr, output, negatives }: MicroBatch, schedule: StepSchedule): Record<string, Tensor> {
    const { average, bank } = this.state;
    const given: Record<string, Tensor> = {
      lr: float32(lr, this.shapes.get("lr") ?? []),
      hr: float32(hr, this.shapes.get("hr") ?? []),
      ...(output && { output: float32(output, this.shapes.get("output") ?? []) }),
      ...(negatives && { negatives: int64(negatives.slice(0, this.shapes.get("negatives")?.[0])) }),
      ...(average && { average: vector(average) }),
      ...(bank && { bank: float32(bank, this.shapes.get("bank") ?? []) }),
      teacher_weight: scalar(schedule.teacherWeight),
      anchor_weight: scalar(schedule.anchorWeight),
      distillation_weight: scalar(schedule.distillationWeight),
      attention_weight: scalar(schedule.attentionWeight),
      contrastive_weight: scalar(schedule.contrastiveWeight),
    };
    return Object.fromEntries(Object.entries(given).filter(([name]) => this.shapes.has(name)));
  }

  /** ā ← d·ā + (1 − d)·p, with d = min(decay, (1 + t) / (10 + t)), so that the start is soon forgotten. */
  #average(): void {
    const { average, parameters, step } = this.state;
    const { averageDecay } = this.options;
    if (!average || averageDecay === undefined) return;
    const decay = Math.min(averageDecay, (1 + step) / (10 + step));
    for (let i = 0; i < average.length; i++) {
      average[i] = decay * (average[i] as number) + (1 - decay) * (parameters[i] as number);
    }
  }
}

const vector = (data: Vector): Tensor => float32(data, [data.length]);

function lossesOf(outputs: Tensors): StepLosses {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([name, { data, shape }]) => {
      if (name.startsWith("new_") || name === "gradient") return [];
      const values = Array.from(data as Float32Array);
      return [[name, elements(shape) === 1 && shape.length === 0 ? (values[0] as number) : values]];
    }),
  );
}

function meanLosses(all: readonly StepLosses[]): StepLosses {
  const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return Object.fromEntries(
    Object.entries(all[0] ?? {}).map(([name, first]) => {
      const each = all.map((losses) => losses[name]);
      if (typeof first === "number") return [name, meanOf(each as number[])];
      return [name, first.map((_, i) => meanOf((each as number[][]).map((values) => values[i] as number)))];
    }),
  );
}
