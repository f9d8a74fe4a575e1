import { beforeAll, describe, expect, it } from "vitest";
import { floats } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { float32, type Tensor } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { differentiate } from "../../src/differentiate/index.js";
import { elements, Graph, type Shape, type Value } from "../../src/graph/index.js";
import { lowerOwnOperators } from "../../src/lowering/portable.js";
import { add, mul, reduceSum, sum } from "../../src/operators/index.js";
import { type Family, operatorsOf } from "./family.js";

/** Where a function is differentiated. */
export interface Input {
  shape: Shape;
  low?: number;
  high?: number;
  /** Values keep at least this far from 0, on either side in turn. */
  away?: number;
  /** All values are at least this far from each other; they lie around 0. */
  apart?: number;
}

export interface GradientCase {
  name: string;
  inputs: readonly Input[];
  /** One or more outputs; the loss is their sum, every element weighed by a random constant. */
  build: (values: readonly Value[], graph: Graph) => Value | readonly Value[];
  /** Distance h of the finite differences: large where the function is linear in each element. */
  step?: number;
}

/** Cases by operator. */
export type GradientCases = Readonly<Record<string, readonly GradientCase[]>>;

type Lower = (graph: Graph) => Graph;

/** Ways of writing our own operators as ONNX's, by name. */
export type Lowerings = Readonly<Record<string, Lower>>;

type Unary = (x: Value) => Value;

/** Of a function of one value: alone on shapes of every rank, and of an intermediate value. */
export const unaryCases = (f: Unary, range: Omit<Input, "shape"> = {}): GradientCase[] => [
  ...[[], [7], [1, 1, 1, 1], [2, 3, 2, 2]].map((shape) => ({
    name: `shape [${shape}]`,
    inputs: [{ shape, low: -2, high: 2, ...range }],
    build: ([x]: readonly Value[]) => f(x as Value),
  })),
  {
    name: "of a scaled value that is read twice",
    inputs: [{ shape: [5], low: -2, high: 2, ...range }],
    build: ([x]) => {
      const scaled = mul(x as Value, 1.25);
      return add(mul(f(scaled), 0.7), scaled);
    },
  },
];

/** A product with itself, so that a gradient in the wrong place has the wrong value too. */
export const squared = (x: Value): Value => mul(x, x);

/** A case of one input, whose output is squared. */
export const one = (name: string, shape: readonly number[], build: (x: Value) => Value): GradientCase => ({
  name,
  inputs: [{ shape }],
  build: ([x]) => squared(build(x as Value)),
});

const TOLERANCE = 5e-4;
const TOGETHER = 12;

/** Tests the cases of a family's gradient rules, and that every rule has some. */
export function testGradients(family: Family, cases: GradientCases, lowerings?: Lowerings): void {
  const rules = operatorsOf(family).filter(({ gradient }) => typeof gradient === "function");
  describe("gradients", () => {
    it("have cases for every rule", () => {
      expect(Object.keys(cases).sort()).toEqual(rules.map(({ name }) => name).sort());
    });
    for (const [operator, list] of Object.entries(cases)) testGradient(operator, list, lowerings);
  });
}

/**
 * A test per case that compares the gradient of every element with finite differences and that no gradient is all but zero;
 * the case's graph must hold the operator that it is for.
 */
export function testGradient(
  operator: string,
  cases: readonly GradientCase[],
  lowerings: Lowerings = { "": lowerOwnOperators },
): void {
  for (const [lowering, lower] of Object.entries(lowerings)) {
    describe(`${operator}${lowering && `, ${lowering}`}`, () => {
      const probes = cases.map((gradientCase, i) => new Probe(gradientCase, `${operator}.${i}`));
      beforeAll(async () => {
        // Together as many of about the same size as make a run worth its while.
        const bySize = [...probes].sort((a, b) => a.size - b.size);
        while (bySize.length > 0) await measure(operator, bySize.splice(0, TOGETHER), lower);
      });
      it.each(cases.map(({ name }, i) => [name, i] as const))("%s", (_, i) => {
        (probes[i] as Probe).check();
      });
    });
  }
}

/** Measures cases together: one graph yields the gradients, one the outputs while an element of each case is moved. */
async function measure(operator: string, probes: readonly Probe[], lower: Lower): Promise<void> {
  const [forward, gradients] = [new Graph(operator), new Graph(operator)];
  for (const probe of probes) {
    const first = forward.nodes.length;
    probe.appendOutputs(forward);
    expect(forward.nodes.slice(first).map((node) => node.operator.name)).toContain(operator);
    probe.appendGradients(gradients);
  }
  const analytic = await running(gradients, lower, probes, (run) => run());
  for (const probe of probes) probe.gradients(analytic);
  await running(forward, lower, probes, async (run) => {
    const most = Math.max(...probes.map(({ size }) => size));
    for (let at = 0; at < most; at++) {
      // Fourth order: f' = (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h.
      for (const [shift, factor] of STENCIL) {
        for (const probe of probes) probe.move(at, shift);
        const outputs = await run();
        for (const probe of probes) probe.add(at, factor, outputs);
      }
      for (const probe of probes) probe.move(at, 0);
    }
  });
}

async function running<T>(
  graph: Graph,
  lower: Lower,
  probes: readonly Probe[],
  work: (run: () => Promise<Outputs>) => Promise<T>,
): Promise<T> {
  const session = await createSession(lower(graph), { threads: 1, spinning: false });
  try {
    return await work(async () => {
      const feeds = Object.fromEntries(probes.flatMap((probe) => probe.feeds()));
      return (await session.run(feeds)).outputs;
    });
  } finally {
    await session.close();
  }
}

type Outputs = Readonly<Record<string, Tensor>>;

const STENCIL = [
  [1, 8],
  [-1, -8],
  [2, -1],
  [-2, 1],
] as const;

/** One case: its point, its gradient and the finite differences that are collected. */
class Probe {
  readonly #point: Float32Array;
  readonly #centre: Float32Array;
  readonly #numeric: Float64Array;
  #weights: Float32Array[] = [];
  #analytic: Float32Array = new Float32Array();
  readonly #random: Random;

  constructor(
    private readonly source: GradientCase,
    private readonly prefix: string,
  ) {
    this.#random = new Random([...source.name].reduce((hash, c) => Math.imul(hash, 31) + c.charCodeAt(0), 7));
    this.#centre = Float32Array.from(source.inputs.flatMap((input) => [...draw(input, this.#random)]));
    this.#point = this.#centre.slice();
    this.#numeric = new Float64Array(this.size);
  }

  /** Inputs and outputs of the case; outputs are as in the case. */
  #append(graph: Graph): { values: Value[]; outputs: readonly Value[] } {
    const values = this.source.inputs.map(({ shape }, i) => graph.input(`${this.prefix}.x${i}`, shape));
    const made = this.source.build(values, graph);
    return { values, outputs: Array.isArray(made) ? (made as readonly Value[]) : [made as Value] };
  }

  appendOutputs(graph: Graph): void {
    const { outputs } = this.#append(graph);
    this.#weights = outputs.map(({ shape }) =>
      this.#random.floats(elements(shape), 0.1, 1).map((weight) => weight * this.#random.pick([-1, 1])),
    );
    outputs.forEach((y, i) => {
      graph.output(`${this.prefix}.y${i}`, y);
    });
  }

  appendGradients(graph: Graph): void {
    const { values, outputs } = this.#append(graph);
    const terms = outputs.map((y, i) => reduceSum(mul(y, graph.constant(this.#weights[i] as Float32Array, y.shape))));
    differentiate(sum(terms), values).forEach((gradient, i) => {
      expect(gradient.shape, `${this.source.name}: shape of input ${i}'s gradient`).toEqual(values[i]?.shape);
      graph.output(`${this.prefix}.d${i}`, gradient);
    });
  }

  get size(): number {
    return this.#centre.length;
  }

  get #step(): number {
    return this.source.step ?? 2 ** -5;
  }

  feeds(): [string, Tensor][] {
    let at = 0;
    return this.source.inputs.map(({ shape }, i) => {
      const start = at;
      at += elements(shape);
      return [`${this.prefix}.x${i}`, float32(this.#point.slice(start, at), shape)];
    });
  }

  gradients(outputs: Outputs): void {
    const gradients = this.source.inputs.map((_, i) => floats(outputs, `${this.prefix}.d${i}`));
    this.#analytic = Float32Array.from(gradients.flatMap((gradient) => [...gradient]));
  }

  move(at: number, shift: number): void {
    if (at < this.size) this.#point[at] = (this.#centre[at] as number) + shift * this.#step;
  }

  add(at: number, factor: number, outputs: Outputs): void {
    if (at >= this.size) return;
    let loss = 0;
    this.#weights.forEach((weights, i) => {
      const y = floats(outputs, `${this.prefix}.y${i}`);
      weights.forEach((weight, e) => {
        loss += weight * (y[e] as number);
      });
    });
    this.#numeric[at] = (this.#numeric[at] as number) + (loss * factor) / (12 * this.#step);
  }

  check(): void {
    const largest = Math.max(...this.#numeric.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-3);
    this.#numeric.forEach((slope, at) => {
      const ours = this.#analytic[at] as number;
      expect(Math.abs(ours - slope), `element ${at}: ${ours}, by differences ${slope}`).toBeLessThan(
        TOLERANCE * largest,
      );
    });
  }
}

function draw({ shape, low = -1, high = 1, away = 0, apart }: Input, random: Random): Float32Array {
  const count = elements(shape);
  if (apart !== undefined) return Float32Array.from(random.permutation(count), (rank) => (rank - count / 2) * apart);
  const values = random.floats(count, low, high);
  return away > 0 ? values.map((x, i) => (away + Math.abs(x)) * (i % 2 === 0 ? 1 : -1)) : values;
}
