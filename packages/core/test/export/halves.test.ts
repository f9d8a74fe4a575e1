import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { NetworkError } from "../../src/errors.js";
import { inHalves } from "../../src/export/halves/index.js";
import { scaledWithin } from "../../src/export/halves/unit-range.js";
import { halfTable } from "../../src/graph/halves.js";
import { elements, Graph, liveNodes, toHalves, type Value } from "../../src/graph/index.js";
import { instantiate } from "../../src/model/model.js";
import type { NetworkOptions } from "../../src/networks/index.js";
import {
  add,
  clip,
  concat,
  conv,
  globalAveragePool,
  hardSwish,
  mul,
  pad,
  prelu,
  relu,
  resizeNearest,
  sigmoid,
} from "../../src/operators/index.js";

describe("halves", () => {
  it("are told from their numbers again, all of them", () => {
    const table = halfTable();
    const codes = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((i) => !Number.isNaN(table[i]));
    expect(toHalves(Float32Array.from(codes, (code) => table[code] as number))).toEqual(codes);
    expect(halfTable()[toHalves(Float32Array.of(Number.NaN))[0] as number]).toBeNaN();
  });

  it("are the nearest, of two the even one", () => {
    const table = halfTable();
    const random = new Random(4);
    const numbers = Float32Array.from({ length: 5000 }, () => random.uniform(-1, 1) * 2 ** random.integer(-26, 15));
    toHalves(numbers).forEach((code, i) => {
      const number = numbers[i] as number;
      const distance = Math.abs((table[code] as number) - number);
      for (const other of [code - 1, code + 1]) {
        const further = Math.abs((table[other & 0xffff] as number) - number);
        if (!Number.isNaN(further)) expect(distance).toBeLessThanOrEqual(further);
      }
    });
    const between = (code: number) => ((table[code] as number) + (table[code + 1] as number)) / 2;
    const ties = [0, 1, 1022, 1023, 1024, 15360, 15361, 31742];
    expect([...toHalves(Float32Array.from(ties, between))]).toEqual(ties.map((code) => code + (code % 2)));
    expect([...toHalves(Float32Array.of(65519, 65520, -1e9))]).toEqual([0x7bff, 0x7c00, 0xfc00]);
  });
});

const random = new Random(11);

function layer(x: Value, filters: number): Value {
  const { graph, shape } = x;
  const weight = [filters, shape[1] as number, 3, 3];
  const size = Math.sqrt(1 / elements(weight.slice(1)));
  return conv(
    x,
    graph.constant(random.floats(elements(weight), -size, size), weight),
    graph.constant(random.floats(filters, -20, 20), [filters]),
    { pads: [1, 1, 1, 1] },
  );
}

const SHAPE = [1, 3, 9, 10];

function graphOf(build: (x: Value) => Value): Graph {
  const graph = new Graph("network");
  graph.output("sr", build(graph.input("lr", SHAPE)));
  return graph;
}

const slope = (x: Value) => x.graph.constant(random.floats(4, 0, 1), [4, 1, 1]);

/** Networks whose values are in proportion to the image here and aren't there. */
const GRAPHS: [string, (x: Value) => Value][] = [
  ["convolutions, slopes and sums", (x) => add(layer(prelu(layer(x, 4), slope(x)), 3), x)],
  ["a gate of the whole image", (x) => layer(((y) => mul(y, sigmoid(globalAveragePool(y))))(layer(x, 4)), 3)],
  ["a value that is wanted both ways", (x) => ((y) => add(add(hardSwish(y), y), mul(y, y)))(layer(x, 3))],
  ["bounds, and borders of some grey", (x) => layer(clip(pad(x, [0, 0, 1, 1, 0, 0, 1, 1]), 20, 200), 3)],
  ["parts, enlarged", (x) => resizeNearest(concat([relu(layer(x, 2)), layer(x, 1)], 1), 2)],
  ["what isn't scaled, added", (x) => add(sigmoid(layer(x, 3)), layer(x, 3))],
];

const image = () => new Random(6).floats(elements(SHAPE), 0, 255);

async function outputOf(graph: Graph, factor = 1): Promise<Float32Array> {
  const { shape } = graph.inputs[0] as Value;
  const data = shape.length === 4 ? image().map((value) => value * factor) : image();
  return floats(await evaluate(graph, { lr: float32(data, shape) }), "sr");
}

const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const NETWORKS: [string, NetworkOptions][] = [
  ["EDSR ×2", edsr(2)],
  ["RCAN ×3", rcan(3)],
  ["CARN ×4", carn(4)],
];

const CASES = [...GRAPHS.map(([name, build]) => [name, graphOf(build)] as const)].concat(
  NETWORKS.map(([name, options]) => [name, instantiate(modelOf(options), SHAPE)] as const),
);

describe("a network within which pixels go up to 1", () => {
  it.each(CASES)("computes the same: %s", async (_, graph) => {
    const whole = await outputOf(graph);
    const unit = await outputOf(scaledWithin(graph, 1 / 255), 1 / 255);
    expect(
      worst(
        whole,
        unit.map((value) => value * 255),
      ),
    ).toBeLessThan(1e-5 * largest(whole));
  });

  it("has values in proportion to them", () => {
    const graph = scaledWithin(instantiate(modelOf(edsr(2)), SHAPE), 1 / 255);
    const operators = (g: Graph) => liveNodes(g).map(({ operator }) => operator.name);
    // Nothing needs its own size, so that nothing is enlarged and reduced on the way.
    expect(operators(graph)).toEqual(operators(instantiate(modelOf(edsr(2)), SHAPE)));
  });
});

describe("a network in half precision", () => {
  it.each(CASES)("has images in single precision and comes near: %s", async (_, graph) => {
    const half = inHalves(graph, 255);
    expect([half.inputs[0], half.outputs.get("sr")].map((value) => value?.dtype)).toEqual(["float32", "float32"]);
    const inner = liveNodes(half).filter(({ operator, inputs }) => operator.name === "Conv" && inputs[0]);
    expect(inner.length).toBeGreaterThan(0);
    for (const { inputs } of inner) for (const value of inputs) expect(value?.dtype).toBe("float16");
    const whole = await outputOf(graph);
    const found = worst(whole, await outputOf(half));
    expect(found).toBeLessThan(4e-3 * largest(whole));
    expect(found).toBeGreaterThan(0);
  });

  it("leaves images alone that go up to 1", () => {
    const half = inHalves(
      graphOf((x) => layer(x, 3)),
      1,
    );
    expect(liveNodes(half).map(({ operator }) => operator.name)).toEqual(["Cast", "Conv", "Cast"]);
  });

  it("refuses weights that it can't hold", () => {
    const large = graphOf((x) => conv(x, x.graph.constant(new Float32Array(9).fill(7e4), [3, 3, 1, 1], { name: "w" })));
    expect(() => inHalves(large, 255)).toThrow(NetworkError);
    expect(() => inHalves(large, 255)).toThrow(/^w \[3, 3, 1, 1\] holds 7\.000e\+4, .*single precision$/);
  });
});
