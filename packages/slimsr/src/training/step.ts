import { differentiate } from "@slimsr/core/internal/differentiate/index.js";
import { Graph, type Value } from "@slimsr/core/internal/graph/index.js";
import { bodyFeatures } from "@slimsr/core/internal/model/features.js";
import { flatSize, flatten, unflatten } from "@slimsr/core/internal/model/flat.js";
import { applyToPixels, type Model, type ParameterSource } from "@slimsr/core/internal/model/model.js";
import type { ParameterShapes } from "@slimsr/core/internal/networks/index.js";
import { type CsdLoss, csdLoss } from "@slimsr/core/internal/objectives/csd.js";
import { borderWeights } from "@slimsr/core/internal/objectives/reconstruction.js";
import { add, concat, mul, reduceSumSquare, reshape, slice, sqrt, sum } from "@slimsr/core/internal/operators/index.js";
import { type AdamOptions, adam } from "@slimsr/core/internal/optimisers/adam.js";
import { muon } from "@slimsr/core/internal/optimisers/muon.js";
import { isRangeEnd, squaredEnd } from "@slimsr/core/internal/quantisation/fake.js";
import { type ContrastiveStep, contrastiveInputs } from "./contrast.js";
import { isShared, type LearnerOptions, learnedShapes, matricesOf, networkOf, sourcesOf } from "./learners.js";

export interface StepOptions extends LearnerOptions {
  /** Whether students learn where the teacher's last features are large, as PAMS has it. */
  attention?: boolean;
  /** The weight of Σ α² of ranges that learn their end α, as PACT has it; 0 where left out. */
  rangeDecay?: number;
  batch: number;
  /** What the outermost LR pixels of a patch, whose surroundings a network doesn't see, weigh in the L1s; as the others where left out. */
  borderWeight?: number;
  /** Height and width of an LR patch. */
  patch: readonly [number, number];
  /** Without it: joint training, or L1 alone. */
  contrastive?: ContrastiveStep;
  /** Whether students also learn the teacher's output by L1. */
  distillation?: boolean;
  adam: AdamOptions;
  /** Whether the images and the gradient are outputs as well; for inspection. */
  inspect?: boolean;
}

/**
 * One training step as a graph.
 * Inputs: `parameters`, `first`, `second` [P]; `lr` [B, 3, h, w], `hr` [B, 3, s·h, s·w], with kept outputs `output` [B, 3, s·h, s·w]; scalars `learning_rate`, `step`; for the
 * terms that the options ask for, scalars `teacher_weight`, `anchor_weight`, `distillation_weight`, `attention_weight`, and what
 * `contrastiveInputs` names; `average` [P] where negatives are made with the moving average of the parameters.
 * Outputs: the new `parameters`, `first` and `second` under `new_…`; `loss`, `l1_teacher`, `anchor`, `gradient_norm`; per student i
 * `l1_student.i`, `distillation.i`, `attention.i`, `contrastive.i`, `d_pos.i` and `d_neg.i`, a value per tap whose
 * weight isn't 0.
 */
export function trainingStep(options: StepOptions): Graph {
  const graph = new Graph("training_step");
  const gradient = appendGradient(graph, options);
  const parameters = graph.inputs.find(({ name }) => name === "parameters") as Value;
  appendUpdate(graph, parameters, gradient, options);
  return graph;
}

/**
 * The same step in two halves, for gradients that are accumulated over several batches or averaged across processes.
 * `gradients` has the step's inputs but for the moments, learning rate and step, and its losses and `gradient` [P] as outputs;
 * `update` takes `parameters`, `first`, `second`, `gradient`, `learning_rate` and `step`, and yields `new_…` and `gradient_norm`.
 */
export function trainingHalves(options: StepOptions): { gradients: Graph; update: Graph } {
  const gradients = new Graph("gradients");
  gradients.output("gradient", appendGradient(gradients, { ...options, inspect: false }));
  const update = new Graph("update");
  const size = flatSize(learnedShapes(options));
  const parameters = update.input("parameters", [size]);
  appendUpdate(update, parameters, update.input("gradient", [size]), options);
  return { gradients, update };
}

/** Networks, objective and its gradient: the flat gradient [P]. Losses become outputs of the graph. */
function appendGradient(graph: Graph, options: StepOptions): Value {
  const { model, widths, batch, patch, borderWeight = 1, contrastive } = options;
  const { scale, channels } = model.descriptor;
  const shapes = learnedShapes(options);
  const vector = graph.input("parameters", [flatSize(shapes)]);
  const parameters = unflatten(vector, shapes);
  const lr = graph.input("lr", [batch, channels.input, ...patch]);
  const hr = graph.input("hr", [batch, channels.output, ...patch.map((size) => size * scale)]);
  const sources = sourcesOf(options, parameters, graph);
  const kept = options.keptOutputs ? graph.input("output", hr.shape) : undefined;
  const featuresOf = (network: Model, known: ReadonlyMap<Value, Value>) =>
    options.attention ? known.get(bodyFeatures(network.graph)) : undefined;
  const applied = (network: Model, source: ParameterSource) => {
    const known = new Map<Value, Value>();
    return { image: applyToPixels(network, lr, source, known), features: featuresOf(network, known) };
  };
  const frozen = sources.teacher && applied(model, sources.teacher);
  const teacher = frozen?.image;
  const anchor = sources.anchor && applyToPixels(model, lr, sources.anchor);
  const made = sources.students.map((source, i) => applied(networkOf(options, widths[i] as number), source));
  const students = made.map(({ image }) => image);
  const { features } = frozen ?? {};
  const averaged = (images: Value) => {
    const average = unflatten(graph.input("average", vector.shape), shapes);
    const [source] = sourcesOf(options, average, graph).students;
    return applyToPixels(networkOf(options, widths[0] as number), images, source as ParameterSource);
  };
  const loss = csdLoss({
    hr,
    ...(borderWeight < 1 && {
      pixelWeights: borderWeights(graph, [patch[0] * scale, patch[1] * scale], scale, borderWeight),
    }),
    ...targetsOf(teacher, kept),
    students,
    ...(isShared(options) && { teacherWeight: graph.input("teacher_weight", []) }),
    ...(anchor && { anchor: { weight: graph.input("anchor_weight", []), image: anchor } }),
    ...(options.distillation && { distillationWeight: graph.input("distillation_weight", []) }),
    ...(features && {
      attention: {
        weight: graph.input("attention_weight", []),
        teacher: features,
        students: made.map((student) => student.features as Value),
      },
    }),
    ...(contrastive && { contrastive: contrastiveInputs(graph, contrastive, lr, scale, averaged) }),
  });
  declareLosses(graph, loss);
  const gradient = gradientOf(withDecay(loss.loss, parameters, options), parameters, shapes);
  if (options.inspect) {
    if (teacher) graph.output("teacher", teacher);
    students.forEach((student, i) => {
      graph.output(`student.${i}`, student);
    });
    if (loss.negatives) graph.output("upsampled_negatives", loss.negatives);
    graph.output("gradient", gradient);
  }
  return gradient;
}

/** The loss with the decay of learned ranges' ends, which is none of those that are shown. */
function withDecay(loss: Value, parameters: ReadonlyMap<string, Value>, { rangeDecay = 0 }: StepOptions): Value {
  const ends = rangeDecay > 0 ? [...parameters].filter(([name]) => isRangeEnd(name)) : [];
  if (ends.length === 0) return loss;
  const squares = ends.map(([, value]) => reshape(squaredEnd(value), []));
  return add(loss, mul(sum(squares), rangeDecay));
}

/** Kept outputs stand for a frozen teacher; a teacher that is trained stays, and students learn them in place of its own. */
const targetsOf = (teacher: Value | undefined, kept: Value | undefined) => {
  if (!kept) return teacher && { teacher };
  return teacher ? { teacher, tutor: kept } : { teacher: kept };
};

function declareLosses(graph: Graph, { loss, teacherL1, anchorL1, students }: CsdLoss): void {
  graph.output("loss", loss);
  if (teacherL1) graph.output("l1_teacher", teacherL1);
  if (anchorL1) graph.output("anchor", anchorL1);
  const vector = (values: readonly Value[]) =>
    concat(
      values.map((value) => reshape(value, [1])),
      0,
    );
  students.forEach(({ l1, distillation, attention, contrastive }, i) => {
    graph.output(`l1_student.${i}`, l1);
    if (distillation) graph.output(`distillation.${i}`, distillation);
    if (attention) graph.output(`attention.${i}`, attention);
    if (!contrastive) return;
    graph.output(`contrastive.${i}`, contrastive.loss);
    graph.output(`d_pos.${i}`, vector(contrastive.positive));
    graph.output(`d_neg.${i}`, vector(contrastive.negative));
  });
}

function gradientOf(loss: Value, parameters: ReadonlyMap<string, Value>, shapes: ParameterShapes): Value {
  return flatten(
    differentiate(
      loss,
      [...shapes.keys()].map((name) => parameters.get(name) as Value),
    ),
  );
}

function appendUpdate(graph: Graph, parameters: Value, gradient: Value, options: StepOptions): void {
  const vectors = {
    parameters,
    first: graph.input("first", parameters.shape),
    second: graph.input("second", parameters.shape),
    gradient,
  };
  const [rate, step] = [graph.input("learning_rate", []), graph.input("step", [])];
  const matrices = matricesOf(options);
  const size = matrices.reduce((sum, { count, rows, columns }) => sum + count * rows * columns, 0);
  const part = (start: number, end: number) => (value: Value) =>
    end - start === value.shape[0] ? value : slice(value, [{ axis: 0, start, end }]);
  const [head, tail] = [part(0, size), part(size, gradient.shape[0] as number)];
  const others = mapped(vectors, tail);
  const next = adam(others, others.gradient, rate, step, options.adam);
  if (size > 0) {
    const { second, gradient: theirs, ...state } = mapped(vectors, head);
    const moved = { ...muon(state, theirs, rate, matrices), second };
    for (const name of ["parameters", "first", "second"] as const) next[name] = concat([moved[name], next[name]], 0);
  }
  graph.output("new_parameters", next.parameters);
  graph.output("new_first", next.first);
  graph.output("new_second", next.second);
  graph.output("gradient_norm", sqrt(reduceSumSquare(gradient)));
}

const mapped = <K extends string>(values: Record<K, Value>, map: (value: Value) => Value): Record<K, Value> =>
  Object.fromEntries(Object.entries<Value>(values).map(([name, value]) => [name, map(value)])) as Record<K, Value>;
