import { elements, liveNodes, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { type ParameterShapes, required } from "@slimsr/core/internal/networks/index.js";
import { groupsOf, isRefittable } from "../refitting/refittable.js";

/** A student's convolution: weight [O, C, kh, kw] and bias [O], where there is one, lie in the vector of parameters from `start` to `end`, one behind the other. */
export interface Layer {
  readonly node: Node;
  readonly weight: string;
  readonly bias: string | undefined;
  readonly filters: number;
  /** Channels that each of the groups reads. */
  readonly channels: number;
  readonly taps: number;
  readonly groups: number;
  readonly start: number;
  readonly end: number;
}

/** The convolutions that have their parameters to themselves, in the order of the data. */
export function layersOf(student: Model): Layer[] {
  let end = 0;
  return liveNodes(student.graph)
    .filter((node) => isRefittable(student, node))
    .map((node) => {
      const [, { name: weight }, bias] = node.inputs as [Value, Value, Value | undefined];
      const { shape } = required(student.parameters, weight);
      const [filters, channels, ...kernel] = shape as [number, number, number, number];
      const start = end;
      end += elements(shape) + (bias ? filters : 0);
      const sizes = { filters, channels, taps: elements(kernel), groups: groupsOf(node, filters) };
      return { node, weight, bias: bias?.name, ...sizes, start, end };
    });
}

/** Shapes of the layers' parameters, in the vector's order. */
export const shapesOf = ({ parameters }: Model, layers: readonly Layer[]): ParameterShapes =>
  new Map(
    layers
      .flatMap(({ weight, bias }) => (bias === undefined ? [weight] : [weight, bias]))
      .map((name) => [name, required(parameters, name).shape]),
  );

/** F, what each filter reads: its channels under each tap, and 1 for the bias. */
export const featuresOf = ({ channels, taps, bias }: Layer): number => channels * taps + (bias === undefined ? 0 : 1);
