import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { zipSync } from "fflate";
import type { StateDict, StateTensor } from "../../src/checkpoints/state.js";

const FIXTURES = fileURLToPath(new URL("../../../../test/fixtures/checkpoints/", import.meta.url));

export function fixturePath(name: string): string {
  return FIXTURES + name;
}

export function fixture(name: string): Uint8Array {
  return readFileSync(fixturePath(name));
}

/** Instructions: text as Latin-1, numbers as bytes, and what was made of them before. */
export type Part = string | number | Uint8Array | readonly Uint8Array[];

/** Concatenate instructions. */
export function bytes(...parts: Part[]): Uint8Array {
  const blocks = parts.flatMap((part) => {
    if (typeof part === "string") return Buffer.from(part, "latin1");
    return typeof part === "number" ? Uint8Array.of(part) : part;
  });
  return Uint8Array.from(Buffer.concat(blocks));
}

/** The instruction that pushes a string. */
export function text(value: string): Uint8Array {
  const encoded = new TextEncoder().encode(value);
  return bytes("X", uint32(encoded.length), encoded);
}

export function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function uint64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

/** Instructions that push the tuple of a storage's persistent id and load it. */
export function storage(key: string, length: number, type = "ctorch\nFloatStorage\n"): Uint8Array {
  return bytes("(", text("storage"), type, text(key), text("cpu"), "J", uint32(length), "tQ");
}

/** Instructions that rebuild a tensor over a storage. */
export function tensor(source: Uint8Array, offset: number, shape: number[], strides: number[]): Uint8Array {
  const tuple = (values: number[]) => bytes("(", ...values.map((value) => bytes("J", uint32(value))), "t");
  return bytes(
    "ctorch._utils\n_rebuild_tensor_v2\n(",
    source,
    bytes("J", uint32(offset)),
    tuple(shape),
    tuple(strides),
    0x89,
    "}tR",
  );
}

/** A dictionary of these values. */
export function dictionary(entries: Record<string, Uint8Array>): Uint8Array {
  return bytes(
    "}(",
    Object.entries(entries).flatMap(([key, value]) => [text(key), value]),
    "u",
  );
}

/** A protocol 2 pickle of what the instructions leave on the stack. */
export function pickle(...instructions: Part[]): Uint8Array {
  return bytes(0x80, 2, ...instructions, ".");
}

/** PyTorch's zip format around a pickle. */
export function archive(data: Uint8Array, storages: Record<string, Uint8Array> = {}): Uint8Array {
  const records = Object.entries(storages).map(([key, record]) => [`archive/data/${key}`, record] as const);
  return zipSync(
    { "archive/data.pkl": data, ...Object.fromEntries(records), "archive/version": bytes("3\n") },
    { level: 0 },
  );
}

/** PyTorch's legacy format around a pickle. */
export function legacy(data: Uint8Array, ...rest: Uint8Array[]): Uint8Array {
  return bytes(
    pickle(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19),
    pickle("M", 0xe9, 0x03),
    pickle("}"),
    data,
    ...rest,
  );
}

export function floats(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function stateTensor(shape: number[], fill: (index: number) => number = (index) => index): StateTensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length }, (_, index) => fill(index)) };
}

/** Plain arrays, so that a failing comparison shows the values. NaN and -0 are kept apart. */
export function plain(state: StateDict): Record<string, { shape: readonly number[]; values: number[] }> {
  return Object.fromEntries([...state].map(([name, { shape, data }]) => [name, { shape, values: [...data] }]));
}
