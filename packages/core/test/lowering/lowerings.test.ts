import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { BLOCK, LOWERINGS } from "../../../../test/support/lowerings.js";
import { Random } from "../../../../test/support/random.js";
import { relativeError } from "../../../slimsr/src/parity/compare.js";
import type { Tensors } from "../../../upscaler/src/engine/session.js";
import { differentiate } from "../../src/differentiate/index.js";
import { elements, Graph, liveNodes, rewrite, type Value } from "../../src/graph/index.js";
import { lowerOwnOperators } from "../../src/lowering/portable.js";
import { lowerForWebgpu } from "../../src/lowering/webgpu/index.js";
import {
  abs,
  add,
  Conv,
  concat,
  conv,
  detach,
  globalAveragePool,
  leakyRelu,
  MaxPool,
  maxPool,
  mul,
  pixelShuffle,
  reduceMean,
  reduceSumSquare,
  relu,
  sigmoid,
  slice,
  sub,
  sum,
} from "../../src/operators/index.js";

const CHANNELS = [3, 4, 6, 8, 9, 12, 16, 24, 32];

/** A network of random layers, of the kinds that SR networks are made of, with the gradients of all its weights. */
class RandomNetwork {
  readonly graph = new Graph("random");
  readonly #parameters: Value[] = [];

  constructor(private readonly random: Random) {
    const batch = random.pick([1, 2, 4, 8, 16, 24, 32]);
    let x: Value = this.graph.input("image", [batch, 3, random.pick([4, 6, 8]), random.pick([4, 5, 8])]);
    x = this.#conv(x, random.pick(CHANNELS), 3);
    for (let layer = 0; layer < 6; layer++) x = this.#layer(x);
    const tail = this.#conv(x, 3, 3);
    this.graph.output("image_out", tail);
    this.graph.output("features", x);
    const loss = add(reduceMean(mul(tail, tail)), mul(reduceSumSquare(abs(x)), 1 / elements(x.shape)));
    this.graph.output("loss", loss);
    differentiate(loss, this.#parameters).forEach((gradient, i) => {
      this.graph.output(`d_${this.#parameters[i]?.name}`, gradient);
    });
  }

  feeds(): Tensors {
    return Object.fromEntries(
      this.graph.inputs.map(({ name, shape }) => [name, tensor(shape, this.random.floats(elements(shape), -0.5, 0.5))]),
    );
  }

  #conv(x: Value, filters: number, kernel: number): Value {
    const name = `conv${this.#parameters.length}`;
    const weight = this.graph.input(`${name}.weight`, [filters, x.shape[1] as number, kernel, kernel]);
    const bias = this.graph.input(`${name}.bias`, [filters]);
    this.#parameters.push(weight, bias);
    const pad = (kernel - 1) / 2;
    return conv(x, weight, bias, { pads: [pad, pad, pad, pad] });
  }

  #layer(x: Value): Value {
    const { random } = this;
    const [, channels, height, width] = x.shape as [number, number, number, number];
    switch (random.integer(0, 10)) {
      case 0:
        return relu(this.#conv(x, random.pick(CHANNELS), 3));
      case 1:
        return leakyRelu(this.#conv(x, random.pick(CHANNELS), random.pick([1, 3])), 0.1);
      case 2:
        return add(x, mul(this.#conv(relu(this.#conv(x, channels, 3)), channels, 3), 0.5));
      case 3: {
        const joined = concat([x, relu(this.#conv(x, random.pick(CHANNELS), 3))], 1);
        return this.#conv(joined, random.pick(CHANNELS), 1);
      }
      case 4: {
        const gate = sigmoid(this.#conv(relu(this.#conv(globalAveragePool(x), 4, 1)), channels, 1));
        return mul(x, gate);
      }
      case 5:
        return height * width > 64 ? x : pixelShuffle(this.#conv(x, 4 * random.pick([2, 3, 8]), 3), 2);
      case 6:
        return height < 4 || width < 4 ? x : maxPool(relu(x), [2, 2], { strides: [2, 2] }).output;
      case 7:
        return slice(x, [{ axis: 1, start: 0, end: Math.ceil(channels / 2) }]);
      case 8:
        return sub(x, this.graph.constant(random.floats(channels), [1, channels, 1, 1]));
      case 9:
        return sum([x, detach(mul(x, 0.25)), relu(x)]);
      default: {
        const frozen = this.graph.constant(random.floats(channels * channels * 9, -0.2, 0.2), [
          channels,
          channels,
          3,
          3,
        ]);
        return conv(x, frozen, undefined, { pads: [1, 1, 1, 1] });
      }
    }
  }
}

describe("lowerings", () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed))("agree on random network %i", async (seed) => {
    const network = new RandomNetwork(new Random(seed));
    const feeds = network.feeds();
    const reference = await evaluate(network.graph, feeds);
    for (const [name, lower] of Object.entries(LOWERINGS)) {
      if (lower === lowerOwnOperators) continue;
      const outputs = await evaluate(network.graph, feeds, lower);
      expect(Object.keys(outputs)).toEqual(Object.keys(reference));
      for (const key of Object.keys(reference)) {
        const [ours, theirs] = [floats(outputs, key), floats(reference, key)];
        expect(outputs[key]?.shape).toEqual(reference[key]?.shape);
        expect(relativeError(ours, theirs), `${name}: ${key}`).toBeLessThan(2e-5);
      }
    }
  });

  it("were tried in the engine's blocked layout where this processor has one", () => {
    const engineHasOne = process.arch === "x64";
    expect(BLOCK > 1).toBe(engineHasOne);
    expect("blocked" in LOWERINGS).toBe(engineHasOne);
  });

  it.each(Object.entries(LOWERINGS))("keep inputs that nothing reads, and outputs' names: %s", (_, lower) => {
    const graph = new Graph("test");
    const x = graph.input("x", [1, 3, 4, 4]);
    graph.input("unused", [2]);
    graph.output("same", x);
    graph.output("y", detach(relu(x)));
    const lowered = lower(graph);
    expect(lowered.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["x", [1, 3, 4, 4]],
      ["unused", [2]],
    ]);
    expect([...lowered.outputs.keys()]).toEqual(["same", "y"]);
  });

  it("copy only what is needed", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    graph.constant(Float32Array.of(1), [1]);
    relu(x);
    graph.output("y", add(x, 1));
    const copy = rewrite(graph, () => () => undefined);
    expect(copy.nodes.map((node) => node.operator.name)).toEqual(["Add"]);
    expect(copy.constants).toHaveLength(1);
    expect(copy.nodes[0]?.inputs.every((value) => value?.graph === copy)).toBe(true);
  });
});

describe("for WebGPU", () => {
  /** Convolutions that the engine's kernels get wrong. */
  const wrong = (graph: Graph): number =>
    liveNodes(graph).filter(({ operator, inputs }) => {
      const [filters, channels, height, width] = (inputs[1]?.shape ?? []) as [number, number, number, number];
      const odd = channels > 3 && channels % 3 === 0 && channels % 4 > 0;
      return operator === Conv && odd && filters % 4 === 0 && height * width > 1;
    }).length;

  it("no convolution is left that comes out wrong, forwards or backwards, and pooling yields no indices", () => {
    let before = 0;
    for (let seed = 0; seed < 24; seed++) {
      const { graph } = new RandomNetwork(new Random(seed));
      before += wrong(lowerOwnOperators(graph));
      const lowered = lowerForWebgpu(graph);
      expect(wrong(lowered)).toBe(0);
      const read = new Set(liveNodes(lowered).flatMap((node) => node.inputs));
      for (const { operator, outputs } of lowered.nodes)
        if (operator === MaxPool) expect(read.has(outputs[1])).toBe(false);
    }
    expect(before).toBeGreaterThan(5);
  });
});
