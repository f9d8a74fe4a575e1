import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { smallModel, smallNetworks } from "../../../../test/support/small-networks.js";
import { readState } from "../../src/checkpoints/checkpoint.js";
import { writeSafetensors } from "../../src/checkpoints/safetensors.js";
import type { Int8Tensor, StateTensor } from "../../src/checkpoints/state.js";
import { CheckpointError, UsageError } from "../../src/errors.js";
import { readModel, writeModel } from "../../src/formats/model-file.js";
import { modelCost } from "../../src/model/cost.js";
import type { Model } from "../../src/model/model.js";
import { narrowed } from "../../src/model/split.js";

const FIXTURES = new URL("../../../../test/fixtures/onnx/", import.meta.url);
const open = (file: string): Model =>
  readModel(new Uint8Array(readFileSync(new URL(file, FIXTURES))), file, { range: 1 });

/** A checkpoint with some of its tensors or metadata replaced. */
function changed(
  bytes: Uint8Array,
  change: (tensors: Map<string, StateTensor | Int8Tensor>, metadata: Record<string, string>) => void,
): Uint8Array {
  const { state, int8s, metadata } = readState(bytes, "test");
  const tensors = new Map<string, StateTensor | Int8Tensor>([...state, ...int8s]);
  change(tensors, metadata);
  return writeSafetensors(tensors, metadata);
}

describe("a checkpoint of a network that was read from ONNX", () => {
  it.each([
    "published/aodnet.onnx",
    "published/plainusr_u_x2.onnx",
    "cases/luma-only.onnx",
    "cases/conv-used-twice.onnx",
    "cases/nearest-skip-static.onnx",
    "cases/all-fp16.onnx",
  ])("is the same network when it is read again: %s", (file) => {
    const model = open(file);
    const bytes = writeModel(model, "a.safetensors");
    const again = readModel(bytes, "a.safetensors");
    const { rangeSource, ...descriptor } = model.descriptor;
    expect(rangeSource).toBe("given");
    // Now the file says it.
    expect(again.descriptor).toEqual(descriptor);
    expect([...again.parameters]).toEqual([...model.parameters]);
    expect(writeModel(again, "b.onnx")).toEqual(writeModel(model, "b.onnx"));
    expect(writeModel(again, "b.safetensors")).toEqual(bytes);
    expect(again.places.size).toBe(model.places.size);
  });

  it("says no range where nobody did", () => {
    const file = "cases/opset11.onnx";
    const model = readModel(new Uint8Array(readFileSync(new URL(file, FIXTURES))), file);
    const again = readModel(writeModel(model, "a.safetensors"), "a.safetensors");
    expect(again.descriptor).toEqual(model.descriptor);
    expect(again.descriptor.rangeSource).toBe("assumed");
  });

  it("holds its parameters under their names", () => {
    const model = open("published/aodnet.onnx");
    const { state } = readState(writeModel(model, "a.safetensors"), "a.safetensors");
    expect([...state.keys()]).toEqual([...model.parameters.keys()]);
  });

  it("has the width that the network was slimmed to", () => {
    const model = narrowed(open("cases/opset11.onnx"), 0.5);
    const again = readModel(writeModel(model, "a.safetensors"), "a.safetensors");
    expect(modelCost(again)).toEqual(modelCost(model));
    expect(modelCost(again).parameters).toBeLessThan(modelCost(open("cases/opset11.onnx")).parameters);
    expect(writeModel(again, "b.onnx")).toEqual(writeModel(model, "b.onnx"));
  });

  it("takes another range, but no layers", () => {
    const bytes = writeModel(open("cases/opset11.onnx"), "a.safetensors");
    expect(readModel(bytes, "a.safetensors", { range: 255 }).descriptor.range).toBe(255);
    expect(() => readModel(bytes, "a.safetensors", { scale: 4 })).toThrow(
      "a.safetensors magnifies ×2, not ×4 as asked",
    );
    expect(() => readModel(bytes, "a.safetensors", { resScale: 1 })).toThrow(UsageError);
  });

  it("isn't written for PyTorch", () => {
    for (const file of ["a.pth", "a.pt"]) {
      expect(() => writeModel(open("cases/opset11.onnx"), file)).toThrow(UsageError);
      expect(() => writeModel(open("cases/opset11.onnx"), file)).toThrow(/name an \.onnx, or a \.safetensors/);
    }
  });

  it("that is damaged is refused", () => {
    const bytes = writeModel(open("cases/opset11.onnx"), "a.safetensors");
    const [first] = readState(bytes, "test").state.keys();
    const refused = (change: Parameters<typeof changed>[1], reason: RegExp) => {
      const damaged = changed(bytes, change);
      expect(() => readModel(damaged, "a.safetensors")).toThrow(CheckpointError);
      expect(() => readModel(damaged, "a.safetensors")).toThrow(reason);
    };
    refused((tensors) => tensors.delete("__graph__"), /a\.safetensors describes its graph in a way.* or lacks it/);
    refused((tensors) => tensors.delete(first as string), /a\.safetensors: .* is missing; the graph needs/);
    refused((tensors) => {
      tensors.set(first as string, { dtype: "float32", shape: [1], data: Float32Array.of(1) });
    }, /is 1; the graph needs/);
    refused((tensors) => {
      const { data, ...graph } = tensors.get("__graph__") as Int8Tensor;
      tensors.set("__graph__", { ...graph, shape: [data.length - 9], data: data.slice(9) });
    }, /a\.safetensors: /);
    refused((_, metadata) => {
      metadata["slimsr-graph"] = "{}";
    }, /in a way this version doesn't know/);
  });

  it("is none where the network is built here", () => {
    const [options] = smallNetworks(2);
    if (!options) throw new Error("no network");
    const bytes = writeModel(smallModel(options), "a.safetensors");
    expect(readModel(bytes, "a.safetensors").descriptor.origin.kind).toBe("network");
  });
});
