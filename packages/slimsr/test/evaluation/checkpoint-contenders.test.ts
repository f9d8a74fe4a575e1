import { describe, expect, it } from "vitest";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { NetworkError, UsageError } from "../../../core/src/errors.js";
import { modelCost } from "../../../core/src/model/cost.js";
import { narrowed } from "../../../core/src/model/split.js";
import { checkpointContenders } from "../../src/evaluation/checkpoint-contenders.js";

const checkpointOf = (network: Parameters<typeof modelOf>[0], width = 1, widths?: number[]) => {
  const { parameters } = narrowed(modelOf(network), width);
  const typed = new Map([...parameters].map(([name, tensor]) => [name, { dtype: "float32" as const, ...tensor }]));
  return { network, parameters: typed, ...(widths && { widths }) };
};

describe("a checkpoint's models", () => {
  it.each([edsr(2), carn(3), rcan(4)])("cost what their widths cost: %j", (network) => {
    const models = checkpointContenders("file", checkpointOf(network), { widths: [1, 0.5] });
    expect(models.map(({ width, scale }) => [width, scale])).toEqual([
      [1, network.scale],
      [0.5, network.scale],
    ]);
    for (const { width, cost } of models) {
      const { parameters, macs } = modelCost(narrowed(modelOf(network), width));
      expect(cost?.parameters).toBe(parameters);
      expect(cost?.macs).toBeCloseTo(macs, 0);
    }
  });

  it("are those that the file was trained for, or the whole", () => {
    const widths = (checkpoint: ReturnType<typeof checkpointOf>) =>
      checkpointContenders("file", checkpoint).map(({ width }) => width);
    expect(widths(checkpointOf(edsr(2)))).toEqual([1]);
    expect(widths(checkpointOf(edsr(2), 1, [1, 0.5, 0.25]))).toEqual([1, 0.5, 0.25]);
    expect(widths(checkpointOf(edsr(2), 0.5, [0.5]))).toEqual([0.5]);
    expect(widths(checkpointOf(edsr(2), 0.5))).toEqual([0.5]);
  });

  it.each([edsr(2), carn(2), rcan(2, { features: 32 })])(
    "of a narrow file are those of the full one: %j",
    (network) => {
      const [narrow] = checkpointContenders("file", checkpointOf(network, 0.5, [0.5]), { widths: [0.25] });
      const [full] = checkpointContenders("file", checkpointOf(network), { widths: [0.25] });
      expect(narrow?.cost).toEqual(full?.cost);
      expect(Buffer.compare(narrow?.onnx as Uint8Array, full?.onnx as Uint8Array)).toBe(0);
    },
  );

  it("of a split by the published code's columns differ from the aligned", () => {
    const onnx = (split: "aligned" | "official") =>
      checkpointContenders("file", checkpointOf(carn(2)), { widths: [0.5], split })[0]?.onnx as Uint8Array;
    expect(onnx("official")).toHaveLength(onnx("aligned").length);
    expect(Buffer.compare(onnx("official"), onnx("aligned"))).not.toBe(0);
  });

  it("go no further than the file", () => {
    expect(() => checkpointContenders("file", checkpointOf(edsr(2), 0.5, [0.5]), { widths: [1] })).toThrow(UsageError);
    expect(() => checkpointContenders("file", checkpointOf(edsr(2)), { widths: [0.01] })).toThrow(NetworkError);
  });
});
