import { CheckpointError } from "@slimsr/core/internal/errors.js";
import { elements, type Graph, type Shape, type Value } from "@slimsr/core/internal/graph/index.js";
import { packParameters } from "@slimsr/core/internal/model/flat.js";
import { networkModel } from "@slimsr/core/internal/model/model.js";
import { type Parameters, parameterShapes, type Vgg19Weights, vgg19 } from "@slimsr/core/internal/networks/index.js";
import {
  float32,
  int64,
  type RunResult,
  type SessionOptions,
  scalar,
  type Tensors,
} from "@slimsr/upscaler/internal/engine/session.js";
import { compile } from "../engine/compile.js";
import type { ContrastiveStep } from "../training/contrast.js";
import { type StepOptions, trainingStep } from "../training/step.js";
import { type ReferenceCase, tensorOf } from "./case.js";

/** Largest relative errors ‖ours − theirs‖ / ‖theirs‖ that pass. */
export const TOLERANCES = { outputs: 1e-4, losses: 1e-4, gradients: 2e-3, parameters: 1e-4, later: 1e-3 } as const;

export type Quantity = keyof typeof TOLERANCES;

export interface Deviation {
  /** ‖ours − theirs‖ / ‖theirs‖. */
  error: number;
  /** How far the quantity moves when its features are moved by float32 rounding; 0 where it wasn't needed to pass. */
  rounding: number;
  tensor: string;
  passed: boolean;
}

/** The worst deviation of each quantity: a failure before a pass, then by its error. */
export type Comparison = Record<Quantity, Deviation>;

const QUANTITIES = Object.keys(TOLERANCES) as Quantity[];
const STEPS = 3;

/** Runs with moved weights; the largest movement counts. */
const MOVES = 4;

/** Rounding adds up over the features' depth, in each engine in its own way; so many times its measured effect passes. */
const ROUNDING_MARGIN = 4;

/**
 * ‖ours − theirs‖ / ‖theirs‖ in the Euclidean norm; ‖ours‖ where theirs is all zeros. NaN and other sizes count as infinite.
 */
export function relativeError(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < theirs.length; i++) {
    difference += ((ours[i] as number) - (theirs[i] as number)) ** 2;
    norm += (theirs[i] as number) ** 2;
  }
  const error = Math.sqrt(norm > 0 ? difference / norm : difference);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

/**
 * Runs three training steps as the case describes them and compares all that the reference wrote down.
 *
 * Where student and teacher nearly agree, their features' difference is a few units in the last place: no two float32
 * engines agree on it, nor on the gradient's signs. What is past its tolerance is therefore measured again with the features'
 * weights moved by a unit in the last place, and passes if it is within a small multiple of that movement.
 */
export async function compareCase(reference: ReferenceCase, options: SessionOptions = {}): Promise<Comparison> {
  const ours = await runCase(reference, options);
  const deviations = [...ours].map(([key, values]) => {
    const error = relativeError(values, tensorOf(reference, key).data);
    return { key, error, quantity: quantityOf(key) };
  });
  const late = deviations.some(({ error, quantity }) => error > TOLERANCES[quantity]);
  const moved: Map<string, Float32Array>[] = [];
  for (let seed = 1; late && reference.vgg && seed <= MOVES; seed++)
    moved.push(await runCase(reference, options, seed));
  const movement = (key: string) =>
    Math.max(0, ...moved.map((m) => relativeError(m.get(key) ?? [], ours.get(key) ?? [])));
  const worst = {} as Comparison;
  for (const quantity of QUANTITIES) worst[quantity] = { error: 0, rounding: 0, tensor: "", passed: true };
  for (const { key, error, quantity } of deviations) {
    const within = error <= TOLERANCES[quantity];
    const rounding = within ? 0 : movement(key);
    const passed = within || (Number.isFinite(error) && error <= ROUNDING_MARGIN * rounding);
    const before = worst[quantity];
    if (before.passed === passed ? error > before.error : before.passed) {
      worst[quantity] = { error, rounding, tensor: key, passed };
    }
  }
  return worst;
}

export const passes = (comparison: Comparison): boolean => QUANTITIES.every((quantity) => comparison[quantity].passed);

function quantityOf(key: string): Quantity {
  if (!key.startsWith("step1.")) return "later";
  if (key.startsWith("step1.grad.")) return "gradients";
  if (key.startsWith("step1.weight.")) return "parameters";
  return key.slice("step1.".length) in OUTPUTS ? "outputs" : "losses";
}

/** What the steps yield, under the reference's names. */
async function runCase(
  reference: ReferenceCase,
  options: SessionOptions,
  moveSeed?: number,
): Promise<Map<string, Float32Array>> {
  const { settings, network } = reference;
  const shapes = parameterShapes(network);
  const initial = initialOf(reference);
  const [lr, hr] = [tensorOf(reference, "lr"), tensorOf(reference, "hr")];
  const session = await compile(trainingStep(stepOptions(reference, moveSeed)), options);
  try {
    const vector = packParameters(initial, shapes);
    const zeros = () => float32(new Float32Array(vector.length), [vector.length]);
    let state: Tensors = { parameters: float32(vector, [vector.length]), first: zeros(), second: zeros() };
    const results = new Map<string, Float32Array>();
    for (let step = 1; step <= STEPS; step++) {
      const { outputs } = await session.run({
        ...state,
        lr: float32(lr.data, lr.shape),
        hr: float32(hr.data, hr.shape),
        ...(settings.negatives.length > 0 && {
          negatives: int64(settings.negatives),
          contrastive_weight: scalar(settings.contra_lambda),
        }),
        teacher_weight: scalar(settings.teacher_lambda),
        learning_rate: scalar(settings.learning_rate),
        step: scalar(step),
      });
      collect(reference, step, outputs, shapes, results);
      const [parameters, first, second] = [outputs.new_parameters, outputs.new_first, outputs.new_second];
      if (!parameters || !first || !second) throw new TypeError("the step lacks its new state");
      state = { parameters, first, second };
    }
    return results;
  } finally {
    await session.close();
  }
}

const initialOf = (reference: ReferenceCase): Parameters =>
  new Map([...parameterShapes(reference.network).keys()].map((name) => [name, tensorOf(reference, `init.${name}`)]));

function stepOptions(reference: ReferenceCase, moveSeed?: number): StepOptions {
  const { name, settings, network, vgg } = reference;
  const [batch, , height, width] = tensorOf(reference, "lr").shape as [number, number, number, number];
  if (settings.negatives.length > 0 && !vgg) throw new CheckpointError(`case ${name} has negatives but no vgg weights`);
  const contrastive: ContrastiveStep | undefined = vgg && {
    features: (graph) => (moveSeed === undefined ? vgg19(graph, vgg) : movedVgg19(graph, vgg, moveSeed)),
    negatives: settings.negatives.length,
    contrasted: settings.contrasted ?? batch,
    ratio: "batch",
    detachTeacher: true,
  };
  return {
    model: networkModel(network, initialOf(reference)),
    widths: [settings.width],
    split: settings.split,
    batch,
    patch: [height, width],
    adam: { beta1: settings.betas[0], beta2: settings.betas[1], epsilon: settings.epsilon },
    inspect: true,
    ...(settings.negatives.length > 0 && contrastive && { contrastive }),
  };
}

/** VGG19 whose weights are moved by a unit in the last place, up or down, anew for every batch of images. */
function movedVgg19(graph: Graph, { convolutions, mean }: Vgg19Weights, seed: number): (images: Value) => Value[] {
  let state = seed;
  const moved = (tensor: { shape: Shape; data: Float32Array }) => ({
    shape: tensor.shape,
    data: tensor.data.map((value) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return value * (state & 0x10000 ? 1 + 2 ** -23 : 1 - 2 ** -23);
    }),
  });
  return (images) => {
    const weights = convolutions.map(({ weight, bias }) => ({ weight: moved(weight), bias: moved(bias) }));
    return vgg19(graph, { convolutions: weights, mean })(images);
  };
}

const OUTPUTS: Record<string, string> = { teacher: "teacher", student: "student.0", negatives: "upsampled_negatives" };

const LOSSES: Record<string, string> = {
  loss: "loss",
  l1_teacher: "l1_teacher",
  l1_student: "l1_student.0",
  contrastive: "contrastive.0",
  d_pos: "d_pos.0",
  d_neg: "d_neg.0",
};

function collect(
  reference: ReferenceCase,
  step: number,
  outputs: RunResult["outputs"],
  shapes: ReadonlyMap<string, Shape>,
  results: Map<string, Float32Array>,
): void {
  const floats = (name: string) => (outputs[name]?.data ?? new Float32Array()) as Float32Array;
  for (const [theirs, ours] of Object.entries({ ...OUTPUTS, ...LOSSES })) {
    const key = `step${step}.${theirs}`;
    if (outputs[ours] || reference.tensors.has(key)) results.set(key, floats(ours));
  }
  if (step > 1) return;
  let at = 0;
  for (const [name, shape] of shapes) {
    const end = at + elements(shape);
    results.set(`step1.grad.${name}`, floats("gradient").subarray(at, end));
    results.set(`step1.weight.${name}`, floats("new_parameters").subarray(at, end));
    at = end;
  }
}
