import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { outputOf, randomPatches, rootMeanSquare } from "../../../../test/support/small-networks.js";
import { elements, Graph, type Value } from "../../../core/src/graph/index.js";
import { importedModel } from "../../../core/src/model/imported.js";
import { channelAnalysis, type Model } from "../../../core/src/model/model.js";
import { countsAtWidth } from "../../../core/src/model/split.js";
import {
  abs,
  add,
  clip,
  concat,
  conv,
  div,
  globalAveragePool,
  leakyRelu,
  mul,
  neg,
  pixelShuffle,
  pow,
  prelu,
  relu,
  sigmoid,
  sub,
  sum,
  tanh,
} from "../../../core/src/operators/index.js";
import { alignTeacher, slimTeacher } from "../../src/slimming/aligned-teacher.js";
import { ALIGNMENTS } from "../../src/slimming/alignment/basis.js";

const CHANNELS = 8;

/** A network of random layers, of the forms that exporters write, from an image of 0..1. */
class RandomNetwork {
  readonly #graph = new Graph("random");
  /** Activations of as many channels and positions. */
  readonly #made: Value[] = [];

  constructor(private readonly random: Random) {}

  model(): Model {
    const image = this.#graph.input("image", [1, 3, 8, 8]);
    let x = this.#conv(div(image, 255), CHANNELS);
    const count = this.random.integer(3, 7);
    for (let layer = 0; layer < count; layer++) {
      this.#made.push(x);
      x = this.random.pick(this.#layers)(x);
    }
    this.#graph.output("result", pixelShuffle(this.#conv(x, 12), 2));
    return importedModel(this.#graph);
  }

  readonly #layers: readonly ((x: Value) => Value)[] = [
    (x) => this.#swapped(add, x, this.#constant()),
    (x) => this.#swapped(sub, x, this.#constant()),
    (x) => this.#swapped(mul, x, this.#constant()),
    (x) => div(x, this.#constant()),
    (x) => div(this.#constant(), add(abs(x), 1)),
    (x) => sum([x, this.#constant(), this.#earlier()]),
    (x) => this.#swapped(add, x, this.#earlier()),
    (x) => this.#swapped(sub, x, this.#earlier()),
    (x) => mul(x, this.#earlier()),
    (x) => this.#swapped(sub, abs(x), this.#constant()),
    (x) => relu(add(this.#conv(x, CHANNELS), this.#constant())),
    (x) => this.#conv(relu(this.#conv(x, CHANNELS)), CHANNELS),
    (x) => this.#conv(x, CHANNELS),
    (x) => this.#conv(x, CHANNELS, { group: CHANNELS }),
    (x) => add(x, this.#conv(concat([x, this.#earlier()], 1), CHANNELS)),
    (x) => mul(x, sigmoid(this.#conv(relu(this.#conv(globalAveragePool(x), 2, { side: 1 })), CHANNELS, { side: 1 }))),
    (x) => mul(x, sigmoid(this.#conv(x, 1))),
    (x) => add(x, this.#conv(globalAveragePool(x), CHANNELS, { side: 1 })),
    (x) => this.random.pick([relu, abs, neg, tanh, sigmoid])(x),
    (x) => leakyRelu(x, 0.2),
    (x) => prelu(x, this.#constant()),
    (x) => clip(x, -0.5, 0.75),
    (x) => pow(x, 2),
  ];

  #earlier(): Value {
    return this.random.pick(this.#made);
  }

  #swapped(apply: (a: Value, b: Value) => Value, a: Value, b: Value): Value {
    return this.random.next() < 0.5 ? apply(a, b) : apply(b, a);
  }

  /** A number, or one a channel, as far from 0 as weights are. */
  #constant(): Value {
    const shape = this.random.pick([[], [1], [1, 1, 1, 1], [CHANNELS, 1, 1], [1, CHANNELS, 1, 1]]);
    const sign = this.random.pick([-1, 1]);
    const data = this.random.floats(elements(shape), 0.25, 1).map((value) => sign * value);
    return this.#graph.constant(data, shape);
  }

  #conv(x: Value, filters: number, { side = this.random.pick([1, 3]), group = 1 } = {}): Value {
    const shape = [filters, (x.shape[1] as number) / group, side, side];
    const bound = Math.sqrt(3 / elements(shape.slice(1)));
    const weight = this.#graph.constant(this.random.floats(elements(shape), -bound, bound), shape);
    const bias = this.#graph.constant(this.random.floats(filters, -0.2, 0.2), [filters]);
    const pad = (side - 1) / 2;
    const options = { pads: [pad, pad, pad, pad], ...(group > 1 && { group }) };
    return conv(x, weight, this.random.next() < 0.7 ? bias : undefined, options);
  }
}

describe("slimming a network of random layers", () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))("keeps the output at width 1, seed %i", async (seed) => {
    const model = new RandomNetwork(new Random(seed)).model();
    const patches = randomPatches(2, 9);
    const ideal = await outputOf(model, patches);
    const { groups } = channelAnalysis(model);
    for (const alignment of ALIGNMENTS) {
      const teacher = await alignTeacher(model, patches, alignment);
      expect(teacher.difference, alignment).toBeLessThan(1e-4);
      for (const refitted of alignment === "balanced" ? [false, true] : [false]) {
        const student = await slimTeacher(teacher, countsAtWidth(groups, 1), patches, refitted);
        const difference = rootMeanSquare(await outputOf(student, patches), ideal);
        expect(difference, `${alignment}, refitted: ${refitted}`).toBeLessThan(1e-4 * rootMeanSquare(ideal));
      }
    }
    const narrow = groups.map(({ size }) => Math.ceil(size / 2));
    const half = await slimTeacher(await alignTeacher(model, patches, "balanced"), narrow, patches, true);
    expect((await outputOf(half, patches)).every(Number.isFinite)).toBe(true);
  });
});
