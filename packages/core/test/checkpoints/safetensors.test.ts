import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/checkpoints/safetensors.js";
import type { Int8Tensor, StateTensor } from "../../src/checkpoints/state.js";
import { CheckpointError } from "../../src/errors.js";
import { bytes, fixture, plain, stateTensor, uint64 } from "./support.js";

function encode(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  return bytes(uint64(BigInt(json.length)), json, data);
}

describe("safetensors", () => {
  it("reads what it writes, metadata included, aligned to 8 bytes", () => {
    const state = new Map([
      ["a.weight", stateTensor([2, 3, 1, 1], (index) => index / 7)],
      ["a.bias", stateTensor([3], () => Number.NaN)],
      ["empty", stateTensor([0, 4])],
      ["scalar", stateTensor([])],
    ]);
    const file = writeSafetensors(state, { note: "größer ×2" });
    expect((8 + Number(new DataView(file.buffer).getBigUint64(0, true))) % 8).toBe(0);
    const read = readSafetensors(file, "x");
    expect(plain(read.tensors)).toEqual(plain(state));
    expect(read.metadata).toEqual({ note: "größer ×2" });
  });

  it("reads a file at any offset of its buffer", () => {
    const file = fixture("edsr.safetensors");
    const shifted = new Uint8Array(file.length + 3).subarray(3);
    shifted.set(file);
    expect(plain(readSafetensors(shifted, "x").tensors)).toEqual(plain(readSafetensors(file, "x").tensors));
  });

  it("reads half, bfloat16 and double as float32 and leaves integers out", () => {
    const data = bytes(
      new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x7c00).buffer),
      new Uint8Array(Uint16Array.of(0x3f80, 0xc020).buffer),
      new Uint8Array(Float64Array.of(0.1).buffer),
      new Uint8Array(BigInt64Array.of(5n).buffer),
    );
    const file = encode(
      {
        half: { dtype: "F16", shape: [4], data_offsets: [0, 8] },
        brain: { dtype: "BF16", shape: [2], data_offsets: [8, 12] },
        double: { dtype: "F64", shape: [1], data_offsets: [12, 20] },
        steps: { dtype: "I64", shape: [1], data_offsets: [20, 28] },
      },
      data,
    );
    expect(plain(readSafetensors(file, "x").tensors)).toEqual({
      half: { shape: [4], values: [1, -2.5, 2 ** -24, Number.POSITIVE_INFINITY] },
      brain: { shape: [2], values: [1, -2.5] },
      double: { shape: [1], values: [Math.fround(0.1)] },
    });
  });

  it("reads and writes int8 apart from floats", () => {
    const int8 = { dtype: "int8" as const, shape: [3, 1], data: Int8Array.of(-128, 0, 127) };
    const state = new Map<string, StateTensor | Int8Tensor>([
      ["codes", int8],
      ["scales", stateTensor([3], (index) => index / 7)],
    ]);
    const { tensors, int8s } = readSafetensors(writeSafetensors(state), "x");
    expect(Object.fromEntries(int8s)).toEqual({ codes: int8 });
    expect(plain(tensors)).toEqual({ scales: { shape: [3], values: [0, 1 / 7, 2 / 7].map(Math.fround) } });
  });

  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const eight = new Uint8Array(8);
  it.each([
    ["too short", bytes("abc"), "3 bytes"],
    ["a header beyond the file", bytes(uint64(1n << 60n), "{}"), "claims 1152921504606846976 bytes"],
    ["a header that is not JSON", encode("{nope"), "not JSON"],
    ["a header that is not UTF-8", bytes(uint64(1n), 0xff), "not JSON"],
    ["a header that is a list", encode("[]"), "not a JSON object"],
    ["metadata that are not strings", encode({ __metadata__: { a: 1 } }), "__metadata__"],
    ["an entry that is a number", encode({ a: 1 }), "not an object"],
    ["an unknown dtype", encode({ a: { ...entry, dtype: "Q4" } }, eight), 'unknown dtype "Q4"'],
    ["a dtype of Object's", encode({ a: { ...entry, dtype: "constructor" } }, eight), "unknown dtype"],
    ["a negative size", encode({ a: { ...entry, shape: [-2] } }, eight), "[-2]"],
    ["a shape that is no list", encode({ a: { ...entry, shape: "2" } }, eight), "shape"],
    ["offsets beyond the data", encode({ a: { ...entry, data_offsets: [4, 12] } }, eight), "4 to 12 of 8"],
    ["offsets in reverse", encode({ a: { ...entry, data_offsets: [8, 0] } }, eight), "8 to 0"],
    ["a shape that doesn't fit", encode({ a: { ...entry, shape: [3] } }, eight), "not its 8 bytes"],
    ["a shape that overflows", encode({ a: { ...entry, shape: [2 ** 40, 2 ** 40] } }, eight), "not its 8 bytes"],
    ["overlaps", encode({ a: entry, b: { ...entry, shape: [1], data_offsets: [4, 8] } }, eight), "overlap"],
  ])("refuses %s", (_, file, message) => {
    const read = () => readSafetensors(file, "bad.safetensors");
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow("bad.safetensors");
    expect(read).toThrow(message);
  });

  it("refuses to write a tensor whose data don't fill its shape", () => {
    const state = new Map([["a", { dtype: "float32" as const, shape: [3], data: new Float32Array(2) }]]);
    expect(() => writeSafetensors(state)).toThrow("a has 2 elements");
  });
});
