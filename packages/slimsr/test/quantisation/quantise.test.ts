import { beforeAll, describe, expect, it } from "vitest";
import { floats, evaluate as run } from "../../../../test/support/engine.js";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { photograph } from "../../../../test/support/photographs.js";
import { Random } from "../../../../test/support/random.js";
import { exportModel } from "../../../core/src/export/onnx.js";
import { describeOnnxFile } from "../../../core/src/export/onnx-file.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { rgbPlanes } from "../../../core/src/images/planes.js";
import { instantiate, type Model } from "../../../core/src/model/model.js";
import { decodeOnnx } from "../../../core/src/onnx/codec.js";
import { planQuantisation } from "../../../core/src/quantisation/plan.js";
import { quantisable } from "../../../core/src/quantisation/quantisable.js";
import { float32, type SessionOptions } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { EMBEDDED_IMAGES } from "../../src/assets.js";
import { calibrationPatches } from "../../src/calibration/patches.js";
import { withAlikeRanges } from "../../src/quantisation/alike-ranges.js";
import { BITS, bitsFor } from "../../src/quantisation/processor.js";
import { quantise } from "../../src/quantisation/quantise.js";
import { quantiseVerified, type VerifiedQuantised } from "../../src/quantisation/verified.js";

const small = (): Model => modelOf(edsr(2, { features: 16, blocks: 2 }));
const FEW = { patches: 2 };

/** What a file makes of a part of a photograph. */
async function outputOf(
  onnx: Uint8Array,
  side: number,
  optimisation: NonNullable<SessionOptions["optimisation"]> = "all",
): Promise<Float32Array> {
  const image = await photograph("19");
  const [{ width, height }, data] = [image, rgbPlanes(image)];
  const start = Math.floor(height / 2) * width + Math.floor(width / 2);
  const crop = Float32Array.from({ length: 3 * side ** 2 }, (_, i) => {
    const [plane, row, column] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
    return data[plane * width * height + start + row * width + column] as number;
  });
  const session = await createSession(onnx, { threads: 1, spinning: false, optimisation });
  try {
    return floats((await session.run({ lr: float32(crop, [1, 3, side, side]) })).outputs, "sr");
  } finally {
    await session.close();
  }
}

const rms = (a: Float32Array, b?: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b?.[i] ?? 0)) ** 2, 0) / a.length);

/** The int8 weights that a file holds, and their products with bytes in the worst case. */
function weightsOf(onnx: Uint8Array): Int8Array[] {
  return (decodeOnnx(onnx).graph?.initializers ?? []).flatMap(({ type, dims, raw }) =>
    type === 3 && dims.length === 4 && raw ? [new Int8Array(raw.slice().buffer)] : [],
  );
}

describe("quantise", () => {
  let made: VerifiedQuantised;
  beforeAll(async () => {
    made = await quantiseVerified(small(), { ...FEW, threads: 1 });
  });

  it("writes a network that the engine computes with integers, as the file says", () => {
    expect(made.convolutions).toEqual({ integer: 7, all: 10 });
    expect(made.verification.integerNodes).toMatchObject({ QLinearConv: 7, QLinearAdd: 2 });
    expect(made.verification.difference.rms).toBeLessThan(0.3);
    expect(made.onnx.length).toBeLessThan(made.float.length);
  });

  it.each([20, 33])("writes one near the float network, for %i pixels a side", async (side) => {
    const [integer, float] = [await outputOf(made.onnx, side), await outputOf(made.float, side)];
    expect(rms(integer, float)).toBeLessThan(0.02 * rms(float));
    expect(rms(integer, float)).toBeGreaterThan(0);
  });

  it("writes what every command reads, and isn't done twice", async () => {
    const { onnx } = made;
    const described = describeOnnxFile("int8.onnx", onnx);
    expect(described).toMatchObject({
      scale: 2,
      range: 255,
      channels: { input: 3, output: 3 },
      bits: bitsFor(),
    });
    expect(described.cost?.parameters).toBeGreaterThan(1000);
    const model = readModel(onnx, "int8.onnx");
    expect(model.descriptor).toMatchObject({ scale: 2, range: 255 });
    await expect(quantise(model, FEW)).rejects.toThrow(/quantised already/);
  });

  it("packs weights of 4 bits, which the engine computes with as bytes, and reads them back", async () => {
    const { onnx, verification } = await quantiseVerified(small(), { ...FEW, bits: 4, threads: 1 });
    expect(verification.integerNodes).toEqual(made.verification.integerNodes);
    expect(verification.difference.rms).toBeLessThan(0.3);
    expect(describeOnnxFile("int4.onnx", onnx).bits).toBe(4);
    const packed = (decodeOnnx(onnx).graph?.initializers ?? []).filter(({ type }) => type === 22);
    expect(packed).toHaveLength(7);
    const bytesOf = (file: Uint8Array) => weightsOf(file).reduce((sum, { length }) => sum + length, 0);
    expect(packed.reduce((sum, { raw }) => sum + (raw?.length ?? 0), 0)).toBe(bytesOf(made.onnx) / 2);
    const read = readModel(onnx, "int4.onnx");
    const simulated = await outputOf(exportModel(read), 24, "none");
    expect(rms(simulated, await outputOf(onnx, 24))).toBeLessThan(0.3);
  });

  it.each([
    ["RCAN, with its attention", modelOf(rcan(2, { features: 8, groups: 1 }))],
    ["CARN, with its concatenations and no path that is linear", modelOf(carn(2, { features: 4 }))],
  ])("takes %s", async (_, model) => {
    const { onnx, float: original, convolutions } = await quantise(model, FEW);
    const [integer, float] = [await outputOf(onnx, 24), await outputOf(original, 24)];
    expect(convolutions.integer).toBeGreaterThan(4);
    // What lies outside the levels of 8 bits is cut off where integers make the output.
    const levels = float.map((value) => Math.min(255, Math.max(0, value)));
    expect(rms(integer, integer.every(Number.isInteger) ? levels : float)).toBeLessThan(0.05 * rms(float));
  });

  it("refuses a network of which all is kept in float, and layers that aren't there", async () => {
    const { model } = quantisable(small());
    const layers = [...model.places.keys()].flatMap((name) => /^(.*)\.weight$/.exec(name)?.[1] ?? []);
    const rest = model.graph.nodes.map(({ outputs }) => outputs[0]?.name ?? "");
    await expect(quantise(small(), { ...FEW, keepFloat: [...layers, ...rest] })).rejects.toThrow(/no convolution/);
    await expect(quantise(small(), { ...FEW, keepFloat: ["nowhere"] })).rejects.toThrow(/no layer nowhere/);
  });
});

describe("withAlikeRanges", () => {
  it("scales channels to alike ranges and leaves the network's output", async () => {
    const { model } = quantisable(small());
    // One channel of the stream is hardly seen beside the others.
    const head = model.parameters.get("head.weight");
    head?.data.subarray(0, 27).fill(1e-3);
    const patches = await calibrationPatches(EMBEDDED_IMAGES, { scale: 2, count: 2 });
    const scaled = await withAlikeRanges(model, planQuantisation(model.graph), patches);
    expect(scaled.parameters.get("head.weight")?.data).not.toEqual(head?.data);
    const image = float32(new Random(1).floats(3 * 256, 0, 255), [1, 3, 16, 16]);
    const [before, after] = await Promise.all(
      [model, scaled].map(async (each) => {
        const outputs = await run(instantiate(each, [1, 3, 16, 16]), { lr: { ...image, data: image.data.slice() } });
        return floats(outputs, "sr");
      }),
    );
    expect(rms(before as Float32Array, after)).toBeLessThan(1e-5 * rms(before as Float32Array));
  });
});

describe("weights at their extremes", () => {
  /** Products of bytes and weights as kernels without VNNI add them up: in pairs, cut off at 16 bits. */
  const pairSums = (weights: Int8Array, activation: number): { exact: number; saturated: number } => {
    let [exact, saturated] = [0, 0];
    for (let i = 0; i + 1 < weights.length; i += 2) {
      const sum = activation * ((weights[i] as number) + (weights[i + 1] as number));
      exact += sum;
      saturated += Math.max(-32768, Math.min(32767, sum));
    }
    return { exact, saturated };
  };

  it("fit 16 bits in pairs with 7 bits, and not with 8", async () => {
    const model = modelOf(edsr(2, { features: 16, blocks: 1 }));
    for (const { shape, data } of model.parameters.values()) if (shape.length === 4) data.fill(0.05);
    const files = await Promise.all(
      [BITS.any, BITS.vnni].map(async (bits) => weightsOf((await quantise(model, { ...FEW, bits })).onnx)),
    );
    const [seven, eight] = files.map((list) => list.map((weights) => pairSums(weights, 255)));
    expect(seven?.length).toBe(4);
    for (const { exact, saturated } of seven ?? []) expect(saturated).toBe(exact);
    expect(eight?.some(({ exact, saturated }) => saturated !== exact)).toBe(true);
  });
});
