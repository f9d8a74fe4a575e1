import { zipSync } from "fflate";
import type { StateDict } from "../state.js";

/** Zip's earliest date, so that equal tensors make equal files. */
const EPOCH = new Date(1980, 0, 1);

/**
 * Encode tensors as a file that torch.load reads (PyTorch 1.6 and later): a state dictionary in the zip format.
 *
 * @param wrapper name under which a dictionary holds the state; at the top by default
 */
export function writePytorch(state: StateDict, wrapper?: string): Uint8Array<ArrayBuffer> {
  const records: Record<string, Uint8Array> = {
    "archive/data.pkl": pickleState(state, wrapper),
    "archive/byteorder": new TextEncoder().encode("little"),
  };
  let key = 0;
  for (const { data } of state.values()) {
    records[`archive/data/${key++}`] = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  records["archive/version"] = new TextEncoder().encode("3\n");
  return zipSync(records, { level: 0, mtime: EPOCH }) as Uint8Array<ArrayBuffer>;
}

/** The pickle (protocol 2) of an OrderedDict of float32 tensors whose storages are numbered in order. */
function pickleState(state: StateDict, wrapper: string | undefined): Uint8Array {
  const pickle = new PickleWriter();
  pickle.opcode(0x80, 2);
  if (wrapper !== undefined) {
    pickle.text("}");
    pickle.string(wrapper);
  }
  pickle.text("ccollections\nOrderedDict\n)R(");
  let key = 0;
  for (const [name, { shape, data }] of state) {
    pickle.string(name);
    pickle.text("ctorch._utils\n_rebuild_tensor_v2\n(");
    pickle.text("(");
    pickle.string("storage");
    pickle.text("ctorch\nFloatStorage\n");
    pickle.string(String(key++));
    pickle.string("cpu");
    pickle.integer(data.length);
    pickle.text("tQ");
    pickle.integer(0);
    pickle.integers(shape);
    pickle.integers(rowMajorStrides(shape));
    // requires_grad, backward hooks
    pickle.opcode(0x89);
    pickle.text("ccollections\nOrderedDict\n)RtR");
  }
  pickle.text("u");
  if (wrapper !== undefined) pickle.text("s");
  pickle.text(".");
  return pickle.bytes();
}

class PickleWriter {
  private readonly parts: Uint8Array[] = [];

  /** Instructions, and names that end with a newline. */
  text(text: string): void {
    this.parts.push(new TextEncoder().encode(text));
  }

  opcode(...bytes: number[]): void {
    this.parts.push(Uint8Array.from(bytes));
  }

  string(value: string): void {
    const encoded = new TextEncoder().encode(value);
    this.text("X");
    this.parts.push(new Uint8Array(Uint32Array.of(encoded.length).buffer), encoded);
  }

  integer(value: number): void {
    this.text("J");
    this.parts.push(new Uint8Array(Int32Array.of(value).buffer));
  }

  integers(values: readonly number[]): void {
    this.text("(");
    for (const value of values) this.integer(value);
    this.text("t");
  }

  bytes(): Uint8Array {
    const joined = new Uint8Array(this.parts.reduce((length, part) => length + part.length, 0));
    let offset = 0;
    for (const part of this.parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return joined;
  }
}

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(stride);
    stride *= size;
  }
  return strides;
}
