import { describe, expect, it } from "vitest";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { rounded } from "../../../../test/support/rounded.js";
import { dequantise, SCALE_SUFFIX } from "../../src/checkpoints/quantised.js";
import {
  type RawTensor,
  readRawSafetensors,
  readSafetensors,
  writeRawSafetensors,
} from "../../src/checkpoints/safetensors.js";
import { CheckpointError, UsageError } from "../../src/errors.js";
import { isGraphCheckpoint } from "../../src/formats/graph-checkpoint.js";
import { quantisedFile, readModel, storedOnnx } from "../../src/formats/model-file.js";
import { Graph } from "../../src/graph/index.js";
import { decodeOnnx } from "../../src/onnx/codec.js";
import { writeOnnx } from "../../src/onnx/index.js";
import { unpackNibbles } from "../../src/onnx/nibbles.js";
import { readTensor } from "../../src/onnx/tensors.js";
import { add } from "../../src/operators/index.js";
import { integerModel } from "../../src/quantisation/stored.js";

const NAME = "q.safetensors";
/** A weight of a convolution that computes with integers. */
const WEIGHT = "body.0.conv2.weight#2";

const quantised = (bits: number): Uint8Array => integerModel(rounded(modelOf(edsr(2, { features: 16 })), bits));
const packed = (bits: number): Uint8Array => quantisedFile(quantised(bits), NAME);

interface Header {
  readonly [name: string]: {
    readonly dtype: string;
    readonly shape: number[];
    readonly data_offsets: [number, number];
  };
}

/** A file's header, read apart from the code under test. */
function headerOf(file: Uint8Array): { tensors: Header; length: number; dataLength: number } {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const { __metadata__, ...tensors } = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  return { tensors, length, dataLength: file.length - 8 - length };
}

describe("a quantised network's checkpoint", () => {
  it.each([8, 4, 3])("holds its ONNX file of %i bits, byte by byte", (bits) => {
    const onnx = quantised(bits);
    const file = quantisedFile(onnx, NAME);
    expect(storedOnnx(file, NAME)).toEqual(onnx);
    expect(isGraphCheckpoint(file)).toBe(true);
    // Names and types are in the header too; all else is held once.
    expect(file.length - onnx.length).toBeLessThan(headerOf(file).length);
    const [model, same] = [readModel(file, NAME), readModel(onnx, "q.onnx")];
    expect(model.parameters).toEqual(same.parameters);
    expect(model.descriptor).toMatchObject({ scale: 2, range: 255, size: same.descriptor.size });
  });

  it.each([8, 4])(
    "has tensors of %i bits that other readers take, without gaps, at multiples of their size",
    (bits) => {
      const { tensors, dataLength } = headerOf(packed(bits));
      const sizes: Record<string, number> = { I64: 8, F32: 4, I32: 4, I8: 1, U8: 1 };
      let end = 0;
      for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(tensors)) {
        const size = sizes[dtype] as number;
        expect(offsets, name).toEqual([end, end + size * shape.reduce((a, b) => a * b, 1)]);
        expect(end % size, name).toBe(0);
        [, end] = offsets;
      }
      expect(end).toBe(dataLength);
      expect(tensors[WEIGHT]).toMatchObject(
        bits === 8 ? { dtype: "I8", shape: [16, 16, 3, 3] } : { dtype: "U8", shape: [(16 * 16 * 9) / 2] },
      );
      expect(tensors["body.0.conv2.bias#2"]).toMatchObject({ dtype: "I32", shape: [16] });
    },
  );

  it("has a scale for each filter beside its integers, which say what they stand for", () => {
    const [{ tensors: raw, metadata }, { tensors }] = [
      readRawSafetensors(packed(4), NAME),
      readSafetensors(packed(4), NAME),
    ];
    const { shape } = JSON.parse(metadata["slimsr-graph"] as string).packed[WEIGHT];
    expect(shape).toEqual([16, 16, 3, 3]);
    const codes = unpackNibbles(raw.get(WEIGHT)?.bytes as Uint8Array, 16 * 16 * 9);
    const scales = tensors.get(WEIGHT + SCALE_SUFFIX);
    const { data } = dequantise(WEIGHT, { dtype: "int8", shape, data: codes }, scales, NAME);
    const stored = decodeOnnx(quantised(4)).graph?.initializers.find(({ name }) => name === WEIGHT);
    expect(stored && [...readTensor(stored, WEIGHT).data]).toEqual([...codes]);
    expect(data[5]).toBe(Math.fround((scales?.data[0] as number) * (codes[5] as number)));
    expect(new Set(codes).size).toBeGreaterThan(4);
  });

  it("is written as .onnx and .safetensors alone", () => {
    expect(quantisedFile(quantised(8), "q.onnx")).toEqual(quantised(8));
    expect(() => quantisedFile(quantised(8), "q.pth")).toThrow(UsageError);
  });
});

describe("a quantised network's checkpoint that is damaged", () => {
  const file = packed(4);

  type Change = (tensors: Map<string, RawTensor>, packed: Record<string, { type: string; shape: number[] }>) => void;

  function changed(change: Change): Uint8Array {
    const { tensors, metadata } = readRawSafetensors(file, NAME);
    const description = JSON.parse(metadata["slimsr-graph"] as string);
    change(tensors, description.packed);
    return writeRawSafetensors(tensors, { "slimsr-graph": JSON.stringify(description) });
  }

  function expectRefusal(damaged: Uint8Array, reason: RegExp): void {
    expect(() => readModel(damaged, NAME)).toThrow(CheckpointError);
    expect(() => readModel(damaged, NAME)).toThrow(reason);
  }

  const weightOf = (tensors: Map<string, RawTensor>): RawTensor => tensors.get(WEIGHT) as RawTensor;

  it.each([100, 9, 1])("is refused without its last %i bytes", (left) => {
    expectRefusal(file.subarray(0, file.length - left), /^q\.safetensors is not a sound .*; is the file cut off\?/);
  });

  it.each<[string, Change, RegExp]>([
    [
      "another number of bytes than its elements take",
      (tensors) => tensors.set(WEIGHT, { dtype: "U8", shape: [1151], bytes: weightOf(tensors).bytes.subarray(1) }),
      /^q\.safetensors: body\.0\.conv2\.weight#2 is 1151 of U8, where 16×16×3×3 of int4 are 1152 of U8, two a byte; the graph needs 16×16×3×3 of int4$/,
    ],
    [
      "another shape of as many elements",
      (_, own) => Object.assign(own[WEIGHT] as object, { shape: [16, 16, 9, 1] }),
      /^q\.safetensors: body\.0\.conv2\.weight#2 is 16×16×9×1 of int4; the graph needs 16×16×3×3 of int4$/,
    ],
    [
      "a shape that claims more than there is memory",
      (_, own) => Object.assign(own[WEIGHT] as object, { shape: [2 ** 40, 2 ** 40, 2 ** 40] }),
      /weight#2 is 1152 of U8, where 1099511627776×1099511627776×1099511627776 of int4 are/,
    ],
    [
      "a type that isn't packed here",
      (_, own) => Object.assign(own[WEIGHT] as object, { type: "int2" }),
      /^q\.safetensors describes its graph in a way this version doesn't know/,
    ],
    [
      "no word of its packing",
      (_, own) => delete own[WEIGHT],
      /weight#2 is 1152 of U8; the graph needs 16×16×3×3 of int4/,
    ],
    [
      "bytes that aren't unsigned",
      (tensors) => tensors.set(WEIGHT, { ...weightOf(tensors), dtype: "I8" }),
      /weight#2 is 1152 of I8, where .* of U8/,
    ],
    ["no weight", (tensors) => tensors.delete(WEIGHT), /weight#2 is missing; the graph needs 16×16×3×3 of int4/],
    [
      "other scales",
      (tensors) => tensors.set(WEIGHT + SCALE_SUFFIX, { dtype: "F32", shape: [4, 4], bytes: new Uint8Array(64) }),
      /weight#2_scale is 4×4 of F32; the graph needs 16 of float32/,
    ],
    [
      "a tensor too many",
      (tensors) => tensors.set("more", { dtype: "U8", shape: [1], bytes: new Uint8Array(1) }),
      /^q\.safetensors: its graph has no place for more$/,
    ],
    ["no graph", (tensors) => tensors.delete("__graph__"), /in a way this version doesn't know, or lacks it/],
    [
      "half a graph",
      (tensors) => {
        const { bytes, ...graph } = tensors.get("__graph__") as RawTensor;
        tensors.set("__graph__", { ...graph, shape: [900], bytes: bytes.subarray(0, 900) });
      },
      /^q\.safetensors: /,
    ],
    [
      "a whole ONNX model",
      (tensors) => {
        const bytes = quantised(4);
        tensors.set("__graph__", { dtype: "I8", shape: [bytes.length], bytes });
      },
      /its graph has no place for/,
    ],
  ])("is refused with %s", (_, change, reason) => {
    expectRefusal(changed(change), reason);
  });
});

it.each(["__graph__", "__metadata__", "__proto__"])("a tensor can't be called %s in a checkpoint", (name) => {
  const graph = new Graph("named");
  const x = graph.input("x", [1, 3, 4, 4]);
  graph.output("y", add(x, graph.constant(new Float32Array(4), [4], { name })));
  expect(() => quantisedFile(writeOnnx(graph), NAME)).toThrow(CheckpointError);
  expect(() => quantisedFile(writeOnnx(graph), NAME)).toThrow(`called ${name}, which is taken`);
});
