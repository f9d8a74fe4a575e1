import { CheckpointError } from "../errors.js";
import { elements, showDimensions } from "../graph/types.js";
import { FLOAT_BYTES, type FloatFormat, floatElements } from "./floats.js";
import { printable } from "./printable.js";
import type { Int8Tensor, StateDict, StateTensor } from "./state.js";

/**
 * The safetensors format: u64 length of the header, the header (JSON: name -> dtype, shape, byte range; plus string
 * metadata), then the tensors' bytes, little-endian and row-major.
 * https://github.com/huggingface/safetensors#format
 */
export interface Safetensors {
  tensors: StateDict;
  /** Views of the file's bytes. */
  int8s: Map<string, Int8Tensor>;
  metadata: Record<string, string>;
}

const METADATA_KEY = "__metadata__";

/** Far above any real header (some 100 bytes a tensor); bounds what parsing a hostile one costs. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

const INTEGER_BYTES: Readonly<Record<string, number>> = {
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** A tensor as a file holds it. */
export interface RawTensor {
  /** Of those that the format has, such as `F32`, `I8` and `U8`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Little-endian and row-major. */
  readonly bytes: Uint8Array;
}

interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * Read a safetensors file. Tensors of integers other than int8 are checked and left out.
 *
 * @param bytes the whole file
 * @param file what errors call it
 * @param wanted names to read; all by default
 * @throws CheckpointError where the file is not exactly what the format says
 */
export function readSafetensors(bytes: Uint8Array, file: string, wanted?: (name: string) => boolean): Safetensors {
  const { tensors: held, metadata } = readRawSafetensors(bytes, file);
  const tensors: StateDict = new Map();
  const int8s = new Map<string, Int8Tensor>();
  for (const [name, { dtype, shape, bytes: data }] of held) {
    if (wanted && !wanted(name)) continue;
    if (dtype === "I8") {
      int8s.set(name, { dtype: "int8", shape, data: new Int8Array(data.buffer, data.byteOffset, data.length) });
    } else if (isFloatFormat(dtype)) {
      const elements = floatElements(data, dtype);
      tensors.set(name, { dtype: "float32", shape, data: elements.range(0, elements.length) });
    }
  }
  return { tensors, int8s, metadata };
}

/**
 * The tensors of a safetensors file as it holds them, whatever their type; their bytes are views of the file's.
 * @throws as `readSafetensors`
 */
export function readRawSafetensors(
  bytes: Uint8Array,
  file: string,
): { tensors: Map<string, RawTensor>; metadata: Record<string, string> } {
  const { header, dataStart } = readHeader(bytes, file);
  const metadata = readMetadata(header[METADATA_KEY], file);
  const data = bytes.subarray(dataStart);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => readEntry(name, value, data.length, file));
  refuseOverlaps(entries, file);
  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [name, { dtype, shape, bytes: data.subarray(begin, end) }]),
  );
  return { tensors, metadata };
}

/** Whether the file begins as a safetensors file does: a plausible length, then a JSON object. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === "{".charCodeAt(0);
}

/** Encode tensors as float32 or int8 in the order given; the first is 8-byte aligned. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StateTensor | Int8Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const raw = [...tensors].map(([name, { dtype, shape, data }]): [string, RawTensor] => {
    if (data.length !== elements(shape)) {
      throw new CheckpointError(
        `${name} has ${data.length} elements, but its shape ${showDimensions(shape)} needs ${elements(shape)}`,
      );
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, { dtype: dtype === "int8" ? "I8" : "F32", shape, bytes }];
  });
  return writeRawSafetensors(new Map(raw), metadata);
}

/** Encode tensors in the order given, without gaps; the first is 8-byte aligned. */
export function writeRawSafetensors(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header[METADATA_KEY] = metadata;
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const dataStart = Math.ceil((8 + json.length) / 8) * 8;
  const file = new Uint8Array(dataStart + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  file.fill(" ".charCodeAt(0), 8 + json.length, dataStart);
  file.set(json, 8);
  let offset = dataStart;
  for (const { bytes } of tensors.values()) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

function readHeader(bytes: Uint8Array, file: string): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) throw damaged(file, `it has ${bytes.length} bytes, fewer than the 8 of a header's length`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(bytes.length - 8)) {
    throw damaged(file, `its header claims ${length} bytes, but only ${bytes.length - 8} follow; is it cut off?`);
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw damaged(file, `its header of ${length} bytes is beyond the ${MAX_HEADER_BYTES} that are read`);
  }
  const dataStart = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch {
    throw damaged(file, "its header is not JSON");
  }
  if (!isRecord(header)) throw damaged(file, "its header is not a JSON object");
  return { header, dataStart };
}

function readMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || !Object.values(value).every((item) => typeof item === "string")) {
    throw damaged(file, `${METADATA_KEY} is not an object of strings`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown, dataLength: number, file: string): Entry {
  if (!isRecord(value)) throw damaged(file, `the entry of ${quoted(name)} is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const size = typeof dtype === "string" ? dtypeBytes(dtype) : undefined;
  if (typeof dtype !== "string" || size === undefined) {
    throw damaged(file, `${quoted(name)} has the unknown dtype ${quoted(dtype)}`);
  }
  if (!isSizes(shape)) throw damaged(file, `${quoted(name)} has the shape ${quoted(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw damaged(file, `${quoted(name)} has the data_offsets ${quoted(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataLength) {
    throw damaged(file, `${quoted(name)} lies at bytes ${begin} to ${end} of ${dataLength}; is the file cut off?`);
  }
  if (elements(shape) * size !== end - begin) {
    throw damaged(
      file,
      `${quoted(name)} is ${showDimensions(shape)} of ${dtype}, which is not its ${end - begin} bytes`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function refuseOverlaps(entries: readonly Entry[], file: string): void {
  const filled = entries.filter(({ begin, end }) => end > begin).sort((a, b) => a.begin - b.begin);
  for (let i = 1; i < filled.length; i++) {
    const [before, after] = [filled[i - 1] as Entry, filled[i] as Entry];
    if (after.begin < before.end) throw damaged(file, `${quoted(before.name)} and ${quoted(after.name)} overlap`);
  }
}

function dtypeBytes(dtype: string): number | undefined {
  if (isFloatFormat(dtype)) return FLOAT_BYTES[dtype];
  return Object.hasOwn(INTEGER_BYTES, dtype) ? INTEGER_BYTES[dtype] : undefined;
}

function isFloatFormat(dtype: string): dtype is FloatFormat {
  return Object.hasOwn(FLOAT_BYTES, dtype);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** JSON of a value that the file holds. */
function quoted(value: unknown): string {
  return printable(String(JSON.stringify(value)), 100);
}

function damaged(file: string, what: string): CheckpointError {
  return new CheckpointError(`${file} is not a sound safetensors file: ${what}`);
}
