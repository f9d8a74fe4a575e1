import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { outputOf, randomPatches, rootMeanSquare } from "../../../../test/support/small-networks.js";
import { exportModel } from "../../../core/src/export/onnx.js";
import { elements, Graph, type Value } from "../../../core/src/graph/index.js";
import { importedModel } from "../../../core/src/model/imported.js";
import { channelAnalysis, type Model } from "../../../core/src/model/model.js";
import { countsAtWidth } from "../../../core/src/model/split.js";
import { single } from "../../../core/src/operators/apply.js";
import {
  abs,
  add,
  clip,
  concat,
  conv,
  div,
  Elu,
  Erf,
  globalAveragePool,
  HardSigmoid,
  leakyRelu,
  Max,
  Min,
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
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { patchShape } from "../../src/calibration/batches.js";
import { alignTeacher, slimTeacher } from "../../src/slimming/aligned-teacher.js";

const CHANNELS = 8;

/** A network of random layers, of the forms that exporters write, from an image of 0..1. */
class RandomNetwork {
  readonly #graph = new Graph("random");
  /** Activations of as many channels and positions. */
  readonly #made: Value[] = [];

  constructor(private readonly random: Random) {}

  model(curved: boolean): Model {
    const image = this.#graph.input("image", [1, 3, 8, 8]);
    let x = this.#conv(div(image, 255), CHANNELS);
    const count = this.random.integer(3, 7);
    for (let layer = 0; layer < count; layer++) {
      this.#made.push(x);
      x = this.random.pick(curved ? [...this.#affine, ...this.#curved] : this.#affine)(x);
    }
    this.#graph.output("result", pixelShuffle(this.#conv(x, 12), 2));
    return importedModel(this.#graph);
  }

  /** What leaves channels linear, or looks like it. */
  readonly #affine: readonly ((x: Value) => Value)[] = [
    (x) => this.#swapped(add, x, this.#constant()),
    (x) => this.#swapped(sub, x, this.#constant()),
    (x) => this.#swapped(mul, x, this.#constant()),
    (x) => div(x, this.#constant()),
    (x) => sum([x, this.#constant(), this.#earlier()]),
    (x) => this.#swapped(add, x, this.#earlier()),
    (x) => this.#swapped(sub, x, this.#earlier()),
    (x) => this.#conv(relu(add(this.#conv(x, CHANNELS), this.#constant())), CHANNELS),
    (x) => this.#conv(x, CHANNELS),
    (x) => add(x, this.#conv(concat([x, this.#earlier()], 1), CHANNELS)),
    (x) => add(x, this.#conv(globalAveragePool(x), CHANNELS, { side: 1 })),
    (x) => neg(x),
  ];

  readonly #curved: readonly ((x: Value) => Value)[] = [
    (x) => this.random.pick([relu, abs, tanh, sigmoid])(x),
    (x) => leakyRelu(x, 0.2),
    (x) => prelu(x, this.#constant()),
    (x) => this.#swapped(sub, abs(x), this.#constant()),
    (x) => div(this.#constant(), add(abs(x), 1)),
    (x) => mul(x, this.#earlier()),
    (x) => this.#conv(x, CHANNELS, { group: CHANNELS }),
    (x) => mul(x, sigmoid(this.#conv(relu(this.#conv(globalAveragePool(x), 2, { side: 1 })), CHANNELS, { side: 1 }))),
    (x) => mul(x, sigmoid(this.#conv(x, 1))),
    (x) => clip(x, -0.5, 0.75),
    (x) => pow(x, 2),
    (x) => this.#swapped((a, b) => single(this.random.pick([Max, Min]), [a, b]), x, this.#constant()),
    (x) => single(Max, [x, this.#earlier()]),
    (x) => single(this.random.pick([Elu, HardSigmoid]), [x]),
    (x) => mul(x, mul(0.5, add(1, single(Erf, [x])))),
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
  it.each(Array.from({ length: 8 }, (_, seed) => seed))("keeps the output at width 1, seed %i", async (seed) => {
    const model = new RandomNetwork(new Random(seed)).model(seed % 2 === 1);
    const patches = randomPatches(2, 9);
    const ideal = await outputOf(model, patches);
    const exported = await createSession(exportModel(model));
    const { outputs } = await exported.run({
      [model.image.name]: float32(patches.data, patchShape(patches, patches.count)),
    });
    await exported.close();
    const folded = rootMeanSquare(Object.values(outputs)[0]?.data as Float32Array, ideal);
    expect(folded).toBeLessThanOrEqual(1e-5 * rootMeanSquare(ideal));
    const { groups } = channelAnalysis(model);
    const balanced = await alignTeacher(model, patches, "balanced");
    for (const { difference } of [balanced, await alignTeacher(model, patches, "pca")]) {
      expect(difference).toBeLessThan(1e-4);
    }
    const sorted = await alignTeacher(model, patches, "sort");
    const whole = countsAtWidth(groups, 1);
    for (const [teacher, refitted] of [
      [sorted, false],
      [balanced, true],
    ] as const) {
      const student = await slimTeacher(teacher, whole, patches, refitted);
      const difference = rootMeanSquare(await outputOf(student, patches), ideal);
      expect(difference).toBeLessThanOrEqual(1e-4 * rootMeanSquare(ideal));
    }
    const half = await slimTeacher(balanced, countsAtWidth(groups, 0.5), patches, true);
    expect((await outputOf(half, patches)).every(Number.isFinite)).toBe(true);
  });
});
