import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Graph, Value } from "@slimsr/core/internal/graph/index.js";
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

/**
 * What the teacher is in training: `shared`, the students' weights are its first channels and all train together, as published;
 * `anchored`, the same, held to the output that it gave before training; `frozen`, its weights stay as they are while students
 * of their own learn from its output; `none`, students have weights of their own and learn from the truth alone.
 */
export type TeacherRole = "shared" | "anchored" | "frozen" | "none";

export interface LearnerOptions {
  /** The full network, with its parameters before training. */
  model: Model;
  widths: readonly number[];
  /** Channels that each group keeps, where a budget chose them for one student, of whose width `widths` tells the mean. */
  channels?: readonly number[];
  split: SplitMode;
  /** By width, students that are graphs of their own, merged or with roundings, and so have weights of their own. */
  own?: ReadonlyMap<number, Model>;
  teacher?: TeacherRole;
  /** Whether the output that students learn comes with the images, so that a frozen teacher isn't run. */
  keptOutputs?: boolean;
}

export const isShared = ({ teacher = "shared" }: LearnerOptions): boolean =>
  teacher === "shared" || teacher === "anchored";

/** What a student keeps of the full network's parameters. */
export const splitOf = ({ model, channels, split }: LearnerOptions, width: number): Split =>
  channels
    ? splitByCounts(model.places.values(), channelAnalysis(model), channels, split)
    : splitChannels(model, width, split);

/** The network that a student is trained as: the full one, whose parameters it has fewer channels of, or its own. */
export const networkOf = ({ model, own }: LearnerOptions, width: number): Model => own?.get(width) ?? model;

/** Shapes of all that training moves: the shared teacher's parameters, or each student's under `w0.5/layer.weight`. */
export function learnedShapes(options: LearnerOptions): ParameterShapes {
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
