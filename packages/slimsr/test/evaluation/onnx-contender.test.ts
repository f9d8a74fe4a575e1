import { describe, expect, it } from "vitest";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { rounded } from "../../../../test/support/rounded.js";
import { OnnxError, UsageError } from "../../../core/src/errors.js";
import type { DeploymentCost } from "../../../core/src/export/deployment.js";
import { exportModel } from "../../../core/src/export/onnx.js";
import { quantisedFile, readModel } from "../../../core/src/formats/model-file.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { requireImageNetwork } from "../../../core/src/model/image-network.js";
import { SCALES } from "../../../core/src/networks/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { conv, matMul, reshape, transpose } from "../../../core/src/operators/index.js";
import { integerModel } from "../../../core/src/quantisation/stored.js";
import { contender, onnxContender } from "../../src/evaluation/contender.js";

describe("an ONNX model", () => {
  it("is known by its graph", () => {
    expect(onnxContender("a.onnx", imageModel(nearest))).toMatchObject({
      ...{ name: "a.onnx", width: 1, scale: 2, input: "x", output: "y", range: 255 },
      cost: { parameters: 36, radius: 0 },
    });
    expect(onnxContender("a.onnx", imageModel(nearest, { fixed: [24, 32] }))).toMatchObject({
      ...{ size: { fixed: { width: 32, height: 24 } }, scale: 2 },
      cost: { macs: 36 * 640 * 360 },
    });
  });

  it("of integers is the same in a checkpoint, whose bytes are its file's", () => {
    const onnx = integerModel(rounded(modelOf(edsr(2)), 4));
    const file = quantisedFile(onnx, "a.safetensors");
    const [own, packed] = [onnxContender("a", onnx), onnxContender("a", file)];
    expect(own.bytes).toBe(onnx.length);
    expect(packed).toEqual({ ...own, bytes: file.length });
    expect(packed.bits).toBe(4);
  });

  it.each([
    ["no names", ["", "", ""]],
    ["one name", ["d", "d", "d"]],
  ])("costs the same whose open axes have %s", (_, [batch = "", height = "", width = ""]) => {
    const graph = new Graph("model");
    graph.output("y", nearest(graph.input("x", [1, 3, 16, 16])));
    const axes = { 0: batch, 2: height, 3: width };
    const named = onnxContender("a.onnx", imageModel(nearest));
    const unnamed = onnxContender("a.onnx", writeOnnx(graph, { dynamicAxes: { x: axes, y: axes } }));
    expect(unnamed).toMatchObject({ scale: 2, cost: named.cost });
    expect(readModel(unnamed.onnx, "a.onnx").graph.inputs[0]?.shape).toEqual([1, 3, 16, 16]);
  });

  it.each(SCALES.flatMap((scale) => [edsr(scale), rcan(scale), carn(scale)]))(
    "that was exported from $architecture ×$scale costs what the network does, of memory no less",
    (network) => {
      const model = modelOf(network);
      const { cost } = onnxContender("a.onnx", exportModel(model));
      const { bytesPerPixel, ...own } = contender("a", 1, model).cost as DeploymentCost;
      expect(cost).toMatchObject(own);
      expect(cost?.bytesPerPixel).toBeGreaterThanOrEqual(bytesPerPixel);
    },
  );

  it("needs a scale only where the graph doesn't tell", () => {
    expect(() => onnxContender("a.onnx", imageModel(nearest), { scale: 3 })).toThrow("magnifies ×2, not ×3");
    // The file says GlobalLpPool, which engines know and graphs here don't.
    const bytes = Buffer.from(imageModel(nearest));
    const at = bytes.indexOf("DepthToSpace");
    bytes.write("GlobalLpPool", at);
    expect(() => onnxContender("a.onnx", bytes)).toThrow(UsageError);
    expect(onnxContender("a.onnx", bytes, { scale: 2 })).toMatchObject({ scale: 2, cost: null });
  });

  it("has no cost where products of activations would have to be counted", () => {
    const attention = (x: Value): Value => {
      const flat = reshape(x, [1, 3, 256]);
      return reshape(matMul(matMul(flat, flat, { transposeRight: true }), flat), [1, 3, 16, 16]);
    };
    expect(onnxContender("a.onnx", imageModel(attention, { fixed: [16, 16] }))).toMatchObject({ scale: 1, cost: null });
  });

  it("must map one image to another, of one channel or three", () => {
    const grey = imageModel((x) => x, { channels: 1 });
    expect(onnxContender("grey.onnx", grey)).toMatchObject({ channels: { input: 1, output: 1 }, scale: 1 });
    expect(onnxContender("a.onnx", imageModel(nearest))).toMatchObject({ channels: { input: 3, output: 3 } });
    expect(() => onnxContender("grey.onnx", grey, { channels: 3 })).toThrow(
      "grey.onnx takes images of 1 channels, not of 3",
    );
    const four = imageModel((x) => x, { channels: 4 });
    expect(() => onnxContender("four.onnx", four)).toThrow(
      /four.onnx: input x has shape \[n, 4, h, w\].*RGB, luma or grey/,
    );
    const made = imageModel((x) => conv(x, x.graph.constant(new Float32Array(3), [1, 3, 1, 1])));
    expect(() => onnxContender("made.onnx", made)).toThrow(
      "made.onnx takes images of 3 channels and makes 1; expected 3",
    );
    const two = new Graph("two");
    const [a, b] = [two.input("a", [1, 3, 8, 8]), two.input("b", [3, 3, 1, 1])];
    two.output("y", conv(a, b));
    expect(() => onnxContender("two.onnx", writeOnnx(two))).toThrow("has 2 inputs and 1 outputs");
    const half = imageModel(nearest);
    expect(() => onnxContender("half.onnx", half.subarray(0, half.length / 2))).toThrow(OnnxError);
    expect(() => onnxContender("empty.onnx", new Uint8Array())).toThrow("empty.onnx: holds no graph");
  });

  it("without padding or with channels last is told what is wrong with it", () => {
    const weights = (x: Value, shape: number[]) =>
      x.graph.constant(new Float32Array(shape.reduce((a, b) => a * b)), shape);
    const unpadded = imageModel((x) => nearest(conv(x, weights(x, [3, 3, 3, 3]))));
    expect(() => onnxContender("cut.onnx", unpadded)).toThrow(
      "cut.onnx makes 60×60 pixels of 32×32, which is no whole magnification: do its convolutions lack padding?",
    );
    expect(() => requireImageNetwork(readModel(unpadded, "cut.onnx"))).toThrow("cut.onnx makes 28×28 pixels of 16×16");
    const grey = imageModel((x) => conv(x, weights(x, [3, 1, 1, 1])), { channels: 1 });
    expect(() => requireImageNetwork(readModel(grey, "grey.onnx"))).toThrow("takes images of 1 channels and makes 3");
    const graph = new Graph("nhwc");
    const last = nearest(transpose(graph.input("x", [1, 16, 16, 3]), [0, 3, 1, 2]));
    graph.output("y", transpose(last, [0, 2, 3, 1]));
    const inside = new Graph("nhwc");
    inside.output("y", transpose(transpose(inside.input("x", [1, 16, 16, 3]), [0, 2, 1, 3]), [0, 2, 1, 3]));
    expect(() => onnxContender("nhwc.onnx", writeOnnx(inside))).toThrow(
      "channels last; expected [N, 3, H, W]: export it channels",
    );
    expect(() => readModel(writeOnnx(inside), "nhwc.onnx")).toThrow(
      "nhwc.onnx: its images are [N, H, W, C], channels last",
    );
    for (const dynamicAxes of [undefined, { x: { 0: "n", 1: "h", 2: "w" } }]) {
      const nhwc = writeOnnx(graph, dynamicAxes ? { dynamicAxes } : {});
      expect(onnxContender("nhwc.onnx", nhwc)).toMatchObject({ scale: 2, size: { minimum: 1, multipleOf: 1 } });
      const { image, descriptor } = readModel(nhwc, "nhwc.onnx");
      expect(image.shape).toEqual([1, 3, 16, 16]);
      expect(descriptor.origin).toMatchObject({ notes: ["its images were [N, H, W, C]; they are [N, C, H, W]"] });
    }
  });

  it("survives damage with an OnnxError, a UsageError or a model", () => {
    const random = new Random(11);
    const whole = imageModel(nearest);
    for (let i = 0; i < 500; i++) {
      const damaged = whole.slice(0, random.integer(1, whole.length));
      for (let k = random.integer(0, 4); k > 0; k--)
        damaged[random.integer(0, damaged.length - 1)] = random.integer(0, 255);
      try {
        onnxContender("damaged.onnx", damaged);
      } catch (error) {
        expect(error instanceof OnnxError || error instanceof UsageError ? "told" : error).toBe("told");
      }
    }
  });
});
