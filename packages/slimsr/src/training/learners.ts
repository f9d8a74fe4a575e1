import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Graph, Value } from "@slimsr/core/internal/graph/index.js";
import {
  keptShape,
  materialise,
  type SplitMode,
  sharedSource,
  splitChannels,
} from "@slimsr/core/internal/model/split.js";
import {
  constants,
  type NetworkOptions,
  type ParameterShapes,
  type ParameterSource,
  type Parameters,
  parameterShapes,
} from "@slimsr/core/internal/networks/index.js";

/**
 * What the teacher is in training: `shared`, the students' weights are its first channels and all train together, as published;
 * the same, held by its weights before training (anchor) to the output that it gave with them;
 * `none`, students have weights of their own and learn from the truth alone; or its weights, which stay as they are (frozen)
 * while students of their own learn from its output.
 */
export type TeacherRole = "shared" | { readonly anchor: Parameters } | "none" | { readonly frozen: Parameters };

export interface LearnerOptions {
  network: NetworkOptions;
  widths: readonly number[];
  split: SplitMode;
  teacher?: TeacherRole;
}

export const isShared = ({ teacher = "shared" }: LearnerOptions): boolean => sharesWeights(teacher);

const sharesWeights = (
  teacher: TeacherRole,
): teacher is Extract<TeacherRole, "shared" | { readonly anchor: Parameters }> =>
  teacher === "shared" || (teacher !== "none" && "anchor" in teacher);

/** Shapes of all that training moves: the shared teacher's parameters, or each student's under `w0.5/layer.weight`. */
export function learnedShapes(options: LearnerOptions): ParameterShapes {
  const { network, widths, split } = options;
  const whole = parameterShapes(network);
  if (isShared(options)) return whole;
  return new Map(
    widths.flatMap((width) => {
      const kept = splitChannels(network, width, split);
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
  const { network, widths, split, teacher = "shared" } = options;
  const get = (name: string): Value => {
    const value = learned.get(name);
    if (!value) throw new NetworkError(`parameter ${name} is missing`);
    return value;
  };
  if (sharesWeights(teacher)) {
    const students = widths.map((width) => sharedSource(learned, splitChannels(network, width, split)));
    return { teacher: get, students, ...(teacher !== "shared" && { anchor: constants(graph, teacher.anchor) }) };
  }
  const students = widths.map(
    (width): ParameterSource =>
      (name) =>
        get(ownName(width, name)),
  );
  return { ...(teacher !== "none" && { teacher: constants(graph, teacher.frozen) }), students };
}

/** Students' parameters under the names that training has for them. */
export function ownParameters(students: ReadonlyMap<number, Parameters>): Parameters {
  return new Map(
    [...students].flatMap(([width, parameters]) =>
      [...parameters].map(([name, parameter]) => [ownName(width, name), parameter] as const),
    ),
  );
}

/** A student's parameters, out of all that training moves. */
export function studentParameters(options: LearnerOptions, learned: Parameters, width: number): Parameters {
  const { network, split } = options;
  if (isShared(options)) return materialise(learned, splitChannels(network, width, split));
  const prefix = ownName(width, "");
  return new Map(
    [...learned].flatMap(([name, parameter]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), parameter] as const] : [],
    ),
  );
}
