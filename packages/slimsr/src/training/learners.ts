import { NetworkError } from "@slimsr/core/internal/errors.js";
import { elements, type Graph, type Shape, showShape, type Value } from "@slimsr/core/internal/graph/index.js";
import { hiddenConvolutions } from "@slimsr/core/internal/model/hidden.js";
import {
  channelAnalysis,
  constantSource,
  type Model,
  type ParameterSource,
} from "@slimsr/core/internal/model/model.js";
import {
  keptShape,
  materialise,
  type Split,
  type SplitMode,
  sharedSource,
  splitByCounts,
  splitChannels,
} from "@slimsr/core/internal/model/split.js";
import type { ParameterShapes, Parameters } from "@slimsr/core/internal/networks/index.js";
import type { Matrices } from "@slimsr/core/internal/optimisers/muon.js";

/**
 * What the teacher is in training: `shared`, the students' weights are its first channels and all train together, as published;
 * `anchored`, the same, held to the output that it gave before training; `frozen`, its weights stay as they are while students
 * of their own learn from its output; `none`, students have weights of their own and learn from the truth alone.
 */
export type TeacherRole = "shared" | "anchored" | "frozen" | "none";

export interface LearnerOptions {
  /** The full network, with its parameters before training. */
  model: Model;
  /** The students'. */
  widths: readonly number[];
  /** Channels that each group keeps, where a budget chose them for one student, of whose width `widths` tells the mean. */
  channels?: readonly number[];
  split: SplitMode;
  /** By width, students that are graphs of their own, merged or with roundings, and so have weights of their own. */
  own?: ReadonlyMap<number, Model>;
  /** `shared` where left out, as published. */
  teacher?: TeacherRole;
  /** Whether the output that students learn comes with the images (the step's input `output`), a frozen teacher's, which then isn't run, or that of tutors. */
  keptOutputs?: boolean;
  /** Adam for all parameters where left out; Muon for the weights of hidden convolutions, and Adam for the others. */
  optimiser?: Optimiser;
}

export const OPTIMISERS = ["adam", "muon"] as const;
export type Optimiser = (typeof OPTIMISERS)[number];

export const isShared = ({ teacher = "shared" }: LearnerOptions): boolean =>
  teacher === "shared" || teacher === "anchored";

/** What a student keeps of the full network's parameters. */
export const splitOf = ({ model, channels, split }: LearnerOptions, width: number): Split =>
  channels
    ? splitByCounts(model.places.values(), channelAnalysis(model), channels, split)
    : splitChannels(model, width, split);

/** The network that a student is trained as: the full one, whose parameters it has fewer channels of, or its own. */
export const networkOf = ({ model, own }: LearnerOptions, width: number): Model => own?.get(width) ?? model;

/**
 * Shapes of all that training moves: the shared teacher's parameters, or each student's under `w0.5/layer.weight`. What `matricesOf` counts
 * comes first.
 */
export function learnedShapes(options: LearnerOptions): ParameterShapes {
  const all = shapesOf(options);
  if (options.optimiser !== "muon") return all;
  // A key keeps the place where it comes first.
  return new Map([...hiddenWeights(options, all).flat(), ...all]);
}

/** What Muon moves: the matrices [filters, inputs · taps] of hidden convolutions' weights, which are the first of the learned parameters. */
export const matricesOf = (options: LearnerOptions): Matrices[] =>
  options.optimiser === "muon"
    ? hiddenWeights(options, shapesOf(options)).map((same) => {
        const [rows, ...others] = (same[0] as Entry)[1] as [number, ...number[]];
        return { count: same.length, rows, columns: elements(others) };
      })
    : [];

type Entry = readonly [name: string, shape: Shape];

/** Weights of hidden convolutions, those of one shape together. */
function hiddenWeights(options: LearnerOptions, shapes: ParameterShapes): Entry[][] {
  const names = isShared(options)
    ? hiddenNames(options.model)
    : options.widths.flatMap((width) => hiddenNames(networkOf(options, width)).map((name) => ownName(width, name)));
  const hidden = new Set(names);
  const groups = new Map<string, Entry[]>();
  for (const entry of shapes) {
    if (!hidden.has(entry[0])) continue;
    const key = showShape(entry[1]);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()];
}

function hiddenNames({ graph, places }: Model): string[] {
  const weights = new Set(hiddenConvolutions(graph).map(({ inputs }) => inputs[1]));
  return [...places].flatMap(([name, value]) => (weights.has(value) ? [name] : []));
}

function shapesOf(options: LearnerOptions): ParameterShapes {
  const { model, widths } = options;
  const whole = new Map([...model.places].map(([name, { shape }]) => [name, shape]));
  if (isShared(options)) return whole;
  return new Map(
    widths.flatMap((width) => {
      const own = options.own?.get(width);
      if (own) {
        return [...own.parameters].map(([name, { shape }]) => [ownName(width, name), shape] as const);
      }
      const kept = splitOf(options, width);
      return [...whole].map(([name, shape]) => [ownName(width, name), keptShape(kept, name, shape)] as const);
    }),
  );
}

const ownName = (width: number, name: string): string => `w${width}/${name}`;

/** Where the networks of a training step get their parameters: from `learned`, and frozen ones from constants. */
export function sourcesOf(
  options: LearnerOptions,
  learned: ReadonlyMap<string, Value>,
  graph: Graph,
): { teacher?: ParameterSource; anchor?: ParameterSource; students: ParameterSource[] } {
  const { model, widths, teacher = "shared" } = options;
  const before = constantSource(graph, model.parameters);
  const get = (name: string): Value => {
    const value = learned.get(name);
    if (!value) throw new NetworkError(`parameter ${name} is missing`);
    return value;
  };
  if (isShared(options)) {
    const students = widths.map((width) => sharedSource(learned, splitOf(options, width)));
    return { teacher: get, students, ...(teacher === "anchored" && { anchor: before }) };
  }
  const students = widths.map(
    (width): ParameterSource =>
      (name) =>
        get(ownName(width, name)),
  );
  return { ...(teacher === "frozen" && !options.keptOutputs && { teacher: before }), students };
}

/** Students' parameters under the names that training has for them. */
export function ownParameters(students: ReadonlyMap<number, Parameters>): Parameters {
  return new Map(
    [...students].flatMap(([width, parameters]) =>
      [...parameters].map(([name, parameter]) => [ownName(width, name), parameter] as const),
    ),
  );
}

/** A student, out of all that training moves. */
export function studentOf(options: LearnerOptions, learned: Parameters, width: number): Model {
  const model = networkOf(options, width);
  if (isShared(options)) {
    return { ...model, parameters: materialise(learned, splitOf(options, width)) };
  }
  const prefix = ownName(width, "");
  const parameters = new Map(
    [...learned].flatMap(([name, parameter]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), parameter] as const] : [],
    ),
  );
  return { ...model, parameters };
}
