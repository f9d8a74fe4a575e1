import { describe, expect, it } from "vitest";
import { tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { GraphError } from "../../src/errors.js";
import {
  type Attributes,
  elements,
  Graph,
  ints,
  type Operator,
  type Shape,
  type Value,
} from "../../src/graph/index.js";
import { greater } from "../../src/operators/index.js";
import { type Family, operatorsOf } from "./family.js";

/** What a case needs to write a node: inputs of given shapes, constants of integers. */
export class Writer {
  readonly graph: Graph;
  readonly random: Random;

  constructor(name: string, seed: number) {
    this.graph = new Graph(name);
    this.random = new Random(seed);
  }

  input(shape: Shape): Value {
    return this.graph.input(`x${this.graph.inputs.length}`, shape);
  }

  inputs(...shapes: readonly Shape[]): Value[] {
    return shapes.map((shape) => this.input(shape));
  }

  flags(shape: Shape): Value {
    return greater(this.input(shape), 0);
  }

  integers(...numbers: readonly number[]): Value {
    return this.graph.constant(BigInt64Array.from(numbers, BigInt), [numbers.length]);
  }

  apply(operator: Operator, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): void {
    for (const value of this.graph.apply(operator, inputs, attributes)) {
      this.graph.output(`y${this.graph.outputs.size}`, value);
    }
  }
}

export type ShapeCase = (w: Writer, operator: Operator) => void;

export const SHAPES: Shape[] = [[], [3], [2, 3], [1, 2, 3, 4]];

export const PAIRS: [Shape, Shape][] = [
  [[2, 3], []],
  [[], [2, 3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[3], [2, 1]],
  [
    [4, 1, 3],
    [1, 5, 1],
  ],
];

export const each = <T>(list: readonly T[], write: (w: Writer, operator: Operator, item: T) => void): ShapeCase[] =>
  list.map((item) => (w, operator) => write(w, operator, item));

/** Operators of one operand, of two that broadcast, of any number that do. */
export const unary = each(SHAPES, (w, operator, shape) => w.apply(operator, [w.input(shape)]));
export const binary = each(PAIRS, (w, operator, shapes) => w.apply(operator, w.inputs(...shapes)));
export const several: ShapeCase[] = [
  ...binary,
  (w, operator) => w.apply(operator, w.inputs([3], [2, 1], [])),
  (w, operator) => w.apply(operator, w.inputs([2, 3])),
];

/** The same random case several times. */
export const random = (count: number, write: ShapeCase): ShapeCase[] => Array.from({ length: count }, () => write);

const pair = (r: Random, low: number, high: number): [number, number] => [r.integer(low, high), r.integer(low, high)];

/** A random window and a size that it fits. */
export function windowed(r: Random): { kernel: [number, number]; size: [number, number]; attributes: Attributes } {
  const [kernel, strides, dilations] = [pair(r, 1, 3), pair(r, 1, 3), pair(r, 1, 2)];
  // The engine wants pads smaller than the kernel.
  const pads = [...kernel, ...kernel].map((taps) => r.integer(0, taps - 1));
  const extents = kernel.map((taps, i) => (taps - 1) * (dilations[i] as number) + 1);
  const size = extents.map((extent) => extent + r.integer(0, 5)) as [number, number];
  return { kernel, size, attributes: { strides: ints(strides), dilations: ints(dilations), pads: ints(pads) } };
}

export type Misuse = readonly [name: string, write: (w: Writer) => void, message: RegExp];

/** Tests that a family's operators have the shapes that the engine makes, save our own, and that misuses are named. */
export function testShapes(
  family: Family,
  cases: Readonly<Record<string, readonly ShapeCase[]>>,
  misuses: readonly Misuse[] = [],
): void {
  const operators = operatorsOf(family).filter(({ decompose }) => !decompose);

  describe("shapes of outputs", () => {
    it("are tested for every operator", () => {
      expect(Object.keys(cases).sort()).toEqual(operators.map(({ name }) => name).sort());
    });

    it.each(operators.map((operator) => [operator.name, operator] as const))(
      "are what the engine makes: %s",
      async (name, operator) => {
        const whole = new Graph(name);
        for (const [i, write] of (cases[name] ?? []).entries()) {
          const w = new Writer(`${name}.${i}`, i);
          write(w, operator);
          appendCopy(whole, w.graph, `${i}.`);
        }
        const session = await createSession(whole, { threads: 1, spinning: false });
        const r = new Random(1);
        const feeds = Object.fromEntries(
          whole.inputs.map(({ name, shape }) => [name, tensor(shape, r.floats(elements(shape), 0.1, 1))]),
        );
        const { outputs } = await session.run(feeds).finally(() => session.close());
        const made = Object.entries(outputs).map(([name, { dtype, shape }]) => [name, dtype, [...shape]]);
        const inferred = [...whole.outputs].map(([name, { dtype, shape }]) => [name, dtype, [...shape]]);
        expect(Object.fromEntries(inferred.map(([name, ...type]) => [name, type]))).toEqual(
          Object.fromEntries(made.map(([name, ...type]) => [name, type])),
        );
      },
    );
  });

  describe.skipIf(misuses.length === 0)("operands that don't fit", () => {
    it.each(misuses)("are named: %s", (_, write, message) => {
      const w = new Writer("test", 1);
      expect(() => write(w)).toThrow(GraphError);
      expect(() => write(new Writer("test", 1))).toThrow(message);
    });
  });
}

/** Copies a case's graph into the one that is run, its names prefixed. */
function appendCopy(target: Graph, source: Graph, prefix: string): void {
  const images = new Map<Value, Value>();
  for (const value of source.inputs) images.set(value, target.input(prefix + value.name, value.shape, value.dtype));
  for (const value of source.constants) {
    images.set(value, target.constant(value.data as Float32Array, value.shape, { dtype: value.dtype }));
  }
  for (const { operator, inputs, outputs, attributes } of source.nodes) {
    const made = target.apply(
      operator,
      inputs.map((value) => value && images.get(value)),
      attributes,
    );
    outputs.forEach((value, i) => {
      images.set(value, made[i] as Value);
    });
  }
  for (const [name, value] of source.outputs) target.output(prefix + name, images.get(value) as Value);
}
