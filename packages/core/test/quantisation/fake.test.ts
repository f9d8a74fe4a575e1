import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { rounded, SIDE } from "../../../../test/support/rounded.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { differentiate } from "../../src/differentiate/index.js";
import { deployable } from "../../src/export/deployable.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel, writeModel } from "../../src/formats/model-file.js";
import { elements, Graph, liveNodes, type Value } from "../../src/graph/index.js";
import { lowerOwnOperators } from "../../src/lowering/portable.js";
import { bodyFeatures, tailConvolutions } from "../../src/model/features.js";
import { applyModel, instantiate, type Model } from "../../src/model/model.js";
import { attentionLoss } from "../../src/objectives/attention.js";
import { decodeOnnx } from "../../src/onnx/codec.js";
import { FakeQuantise, reduceSum } from "../../src/operators/index.js";
import { requireFloat } from "../../src/quantisation/quantisable.js";
import { integerModel } from "../../src/quantisation/stored.js";

const image = () => float32(new Random(3).floats(3 * SIDE ** 2, 0, 255), [1, 3, SIDE, SIDE]);

async function outputOf(source: Graph | Uint8Array): Promise<Float32Array> {
  const session = await createSession(source, { threads: 1, spinning: false });
  try {
    return floats((await session.run({ lr: image() })).outputs, "sr");
  } finally {
    await session.close();
  }
}

const trained = (model: Model): Promise<Float32Array> =>
  outputOf(lowerOwnOperators(instantiate(model, [1, 3, SIDE, SIDE])));

function rms(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length);
}

const operatorsIn = (onnx: Uint8Array) => (decodeOnnx(onnx).graph?.nodes ?? []).map(({ operator }) => operator);

describe("a network with its roundings", () => {
  const networks = [
    ["EDSR", modelOf(edsr(2, { features: 16 }))],
    ["RCAN", modelOf(rcan(2))],
    ["CARN", modelOf(carn(2))],
  ] as const;

  it.each(networks)("%s rounds in front of each integer convolution, and is that in every file", async (_, source) => {
    for (const bits of [8, 4]) {
      const model = rounded(source, bits);
      const own = liveNodes(model.graph).filter(({ operator }) => operator === FakeQuantise);
      expect(own.length).toBeGreaterThan(4);
      const output = await trained(model);
      const noise = rms(output, await outputOf(instantiate(source, [1, 3, SIDE, SIDE])));
      expect(noise).toBeGreaterThan(1e-3);
      const tolerance = 0.02 * noise;
      expect(rms(await outputOf(exportModel(model)), output)).toBeLessThan(tolerance);
      expect(rms(await outputOf(deployable(model, { merge: false }).onnx), output)).toBeLessThan(tolerance);
      const integers = integerModel(model);
      expect(rms(await outputOf(integers), output)).toBeLessThan(tolerance);
      expect(operatorsIn(integers)).toEqual(expect.arrayContaining(["QuantizeLinear", "DequantizeLinear"]));
      const again = readModel(writeModel(model, "q.safetensors"), "q.safetensors");
      expect([...again.parameters.keys()].sort()).toEqual([...model.parameters.keys()].sort());
      expect(await trained(again)).toEqual(output);
      expect(() => requireFloat(again)).toThrow(/quantised already/);
    }
  });

  it("is stored with the filters that the engine's fastest kernel takes, its linear part one convolution", () => {
    const { graph } = decodeOnnx(integerModel(rounded(modelOf(edsr(2, { features: 16 })), 8)));
    const weights = (graph?.initializers ?? []).filter(({ dims }) => dims.length === 4);
    const [INT8, FLOAT] = [3, 1];
    const filters = (type: number) => weights.filter((each) => each.type === type).map(({ dims }) => Number(dims[0]));
    expect(filters(INT8).length).toBeGreaterThan(4);
    expect(filters(INT8).every((count) => count % 8 === 0 && count >= 16)).toBe(true);
    expect(filters(FLOAT)).toContain(12);
    expect(weights.some(({ name }) => name.includes(".composed"))).toBe(true);
  });

  it.each([8, 7, 4])("is integers for the engine, of %i bits", async (bits) => {
    const onnx = integerModel(rounded(modelOf(edsr(2, { features: 16 })), bits));
    const file = join(await mkdtemp(join(tmpdir(), "slimsr-test-")), "optimised.onnx");
    await (await createSession(onnx, { threads: 1, optimisedModel: file })).close();
    const operators = operatorsIn(new Uint8Array(await readFile(file)));
    // The two in front of rectifiers aren't, for these ranges don't begin at 0.
    expect(operators.filter((operator) => operator === "QLinearConv")).toHaveLength(4);
  });

  it("has a gradient for each parameter, ranges among them", async () => {
    const model = rounded(modelOf(edsr(2, { features: 16 })), 4);
    const graph = new Graph("gradients");
    const lr = graph.input("lr", [1, 3, SIDE, SIDE]);
    const places = new Map([...model.parameters].map(([name, { shape }]) => [name, graph.input(`p.${name}`, shape)]));
    const sr = applyModel(model, lr, (name) => places.get(name) as Value);
    const names = [...places.keys()];
    for (const [i, gradient] of differentiate(reduceSum(sr), [...places.values()]).entries()) {
      graph.output(`d${i}`, reduceSum(gradient));
    }
    const feeds = Object.fromEntries(
      [...model.parameters].map(([name, { shape, data }]) => [`p.${name}`, float32(data.slice(), shape)]),
    );
    const outputs = await evaluate(lowerOwnOperators(graph), { lr: image(), ...feeds });
    const zero = names.filter((_, i) => floats(outputs, `d${i}`)[0] === 0);
    expect(zero.filter((name) => !name.includes("tail"))).toEqual([]);
    expect(names.filter((name) => name.endsWith(".log_scale")).length).toBeGreaterThan(8);
  });
});

describe("the body's last features", () => {
  it.each([
    ["EDSR ×2", edsr(2), 64],
    ["EDSR ×4", edsr(4), 64],
    ["RCAN ×3", rcan(3), 16],
  ])("of %s are what its tail reads", (_, network, __) => {
    const { graph } = modelOf(network);
    const features = bodyFeatures(graph);
    const [, , height] = graph.inputs[0]?.shape ?? [];
    expect(features.shape.slice(2)).toEqual([height, height]);
    expect(features.producer?.operator.name).toBe("Add");
    const tail = tailConvolutions(graph).map(({ inputs }) => inputs[1]?.name);
    expect(tail.length).toBeGreaterThan(2);
    expect(tail.some((name) => name?.startsWith("body.0"))).toBe(false);
  });
});

it("PAMS's transfer is the mean squared difference of maps of length 1", async () => {
  const [random, shape] = [new Random(9), [2, 3, 4, 5]];
  const graph = new Graph("attention");
  const [a, b] = [graph.input("a", shape), graph.input("b", [2, 6, 4, 5])];
  graph.output("loss", attentionLoss(a, b));
  const given = {
    a: float32(random.floats(elements(shape), -1, 1), shape),
    b: float32(random.floats(240, -1, 1), [2, 6, 4, 5]),
  };
  const maps = Object.values(given).map(({ data, shape: [, channels = 0] }) =>
    [0, 1].map((n) => {
      const map = Array.from({ length: 20 }, (_, p) => {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += (data[(n * channels + c) * 20 + p] as number) ** 2 / channels;
        return sum;
      });
      const length = Math.hypot(...map);
      return map.map((value) => value / length);
    }),
  );
  const squares = [0, 1].flatMap((n) =>
    (maps[0]?.[n] ?? []).map((value, p) => (value - (maps[1]?.[n]?.[p] ?? 0)) ** 2),
  );
  const wanted = squares.reduce((sum, each) => sum + each, 0) / 40;
  expect(floats(await evaluate(graph, given), "loss")[0]).toBeCloseTo(wanted, 6);
});
