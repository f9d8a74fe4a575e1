import { describe, expect, it } from "vitest";
import { floats, open } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { float32, type Session, scalar } from "../../../upscaler/src/engine/session.js";
import { Graph } from "../../src/graph/index.js";
import { ADAM_DEFAULTS, type AdamOptions, adam } from "../../src/optimisers/adam.js";

interface State {
  parameters: Float32Array;
  first: Float32Array;
  second: Float32Array;
}

async function optimiser(size: number, options: AdamOptions = ADAM_DEFAULTS): Promise<Session> {
  const graph = new Graph("adam");
  const vector = (name: string) => graph.input(name, [size]);
  const state = { parameters: vector("parameters"), first: vector("first"), second: vector("second") };
  const next = adam(state, vector("gradient"), graph.input("learning_rate", []), graph.input("step", []), options);
  graph.output("new_parameters", next.parameters);
  graph.output("new_first", next.first);
  graph.output("new_second", next.second);
  return open(graph);
}

async function step(session: Session, state: State, gradient: Float32Array, rate: number, t: number): Promise<State> {
  const shape = [gradient.length];
  const { outputs } = await session.run({
    parameters: float32(state.parameters, shape),
    first: float32(state.first, shape),
    second: float32(state.second, shape),
    gradient: float32(gradient, shape),
    learning_rate: scalar(rate),
    step: scalar(t),
  });
  return {
    parameters: floats(outputs, "new_parameters"),
    first: floats(outputs, "new_first"),
    second: floats(outputs, "new_second"),
  };
}

const fresh = (parameters: Float32Array): State => ({
  parameters,
  first: new Float32Array(parameters.length),
  second: new Float32Array(parameters.length),
});

/** The algorithm in double precision. */
class Reference {
  readonly #first: Float64Array;
  readonly #second: Float64Array;

  constructor(
    readonly parameters: Float64Array,
    private readonly options: AdamOptions,
  ) {
    this.#first = new Float64Array(parameters.length);
    this.#second = new Float64Array(parameters.length);
  }

  step(gradient: Float32Array, rate: number, t: number): void {
    const { beta1, beta2, epsilon } = this.options;
    gradient.forEach((g, i) => {
      const m = beta1 * (this.#first[i] as number) + (1 - beta1) * g;
      const v = beta2 * (this.#second[i] as number) + (1 - beta2) * g * g;
      this.#first[i] = m;
      this.#second[i] = v;
      const update = m / (1 - beta1 ** t) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
      this.parameters[i] = (this.parameters[i] as number) - rate * update;
    });
  }
}

describe("Adam", () => {
  it.each<[string, AdamOptions]>([
    ["with the usual settings", ADAM_DEFAULTS],
    ["with others", { beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }],
  ])("follows the algorithm for 100 steps, %s", async (_, options) => {
    const random = new Random(1);
    const size = 50;
    let state = fresh(random.floats(size));
    const reference = new Reference(Float64Array.from(state.parameters), options);
    const start = Float64Array.from(state.parameters);
    const session = await optimiser(size, options);
    for (let t = 1; t <= 100; t++) {
      const gradient = random.floats(size, -1, 1).map((g, i) => g * 10 ** ((i % 9) - 6));
      const rate = t <= 50 ? 1e-2 : 1e-3;
      state = await step(session, state, gradient, rate, t);
      reference.step(gradient, rate, t);
    }
    let moved = 0;
    state.parameters.forEach((parameter, i) => {
      const expected = reference.parameters[i] as number;
      moved = Math.max(moved, Math.abs(expected - (start[i] as number)));
      expect(Math.abs(parameter - expected)).toBeLessThan(1e-5);
    });
    expect(moved).toBeGreaterThan(0.01);
  });

  it("first moves each parameter by the learning rate against its gradient, however large that is", async () => {
    const session = await optimiser(4);
    const { parameters } = await step(
      session,
      fresh(new Float32Array(4)),
      Float32Array.of(1e-3, -1, 50, -1e5),
      1e-4,
      1,
    );
    [-1e-4, 1e-4, -1e-4, 1e-4].forEach((expected, i) => {
      expect((parameters[i] as number) / expected).toBeCloseTo(1, 4);
    });
  });

  it("leaves a parameter without gradient where it is", async () => {
    const session = await optimiser(2);
    let state = fresh(Float32Array.of(3, -4));
    for (const t of [1, 2, 1e6]) state = await step(session, state, new Float32Array(2), 0.1, t);
    expect([...state.parameters]).toEqual([3, -4]);
  });

  it("has no correction left after many steps", async () => {
    const session = await optimiser(1);
    // Moments that have settled at gradient 2: an update of exactly the learning rate.
    const settled = { parameters: Float32Array.of(1), first: Float32Array.of(2), second: Float32Array.of(4) };
    const { parameters } = await step(session, settled, Float32Array.of(2), 0.25, 400_000);
    expect(parameters[0]).toBeCloseTo(0.75, 5);
  });
});
