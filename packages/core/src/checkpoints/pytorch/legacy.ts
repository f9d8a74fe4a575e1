import { CheckpointError } from "../../errors.js";
import { printable } from "../printable.js";
import { TorchObjects } from "./globals.js";
import { runPickle } from "./pickle.js";
import type { PickleValue } from "./pickle-values.js";
import type { TorchFile } from "./read.js";

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/**
 * PyTorch's format before 1.6: pickles of a magic number, a version, the system, the object and the storages' keys, then for
 * each key an int64 count and the elements.
 */
export function openLegacy(bytes: Uint8Array, file: string): TorchFile {
  const objects = new TorchObjects(file);
  let position = 0;
  const next = (): PickleValue => {
    const { value, end } = runPickle(bytes, position, file, objects);
    position = end;
    return value;
  };
  if (next() !== MAGIC_NUMBER) throw new CheckpointError(`${file} is a Python pickle, but not a PyTorch checkpoint`);
  const version = next();
  if (version !== PROTOCOL_VERSION) {
    throw new CheckpointError(`${file} is not of version ${PROTOCOL_VERSION} of PyTorch's legacy format`);
  }
  const system = next();
  if (system instanceof Map && system.get("little_endian") === false) {
    throw new CheckpointError(`${file} was written on a big-endian machine; save it again on a little-endian one`);
  }
  const root = next();
  const keys = next();
  const storages = locateStorages(keys, position, bytes, objects, file);
  return {
    root,
    readStorages: (wanted) => new Map([...storages].filter(([key]) => wanted.has(key))),
  };
}

function locateStorages(
  keys: PickleValue,
  start: number,
  bytes: Uint8Array,
  objects: TorchObjects,
  file: string,
): Map<string, Uint8Array> {
  if (!Array.isArray(keys)) throw new CheckpointError(`${file} is damaged: it has no list of storages`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const located = new Map<string, Uint8Array>();
  let position = start;
  for (const rawKey of keys) {
    const key = typeof rawKey === "number" ? String(rawKey) : rawKey;
    const storage = typeof key === "string" ? objects.storages.get(key) : undefined;
    if (typeof key !== "string" || !storage) {
      throw new CheckpointError(`${file} is damaged: it has a storage that nothing refers to`);
    }
    if (position + 8 > bytes.length) throw cutOff(file, key);
    const begin = position + 8;
    position = begin + Number(view.getBigInt64(position, true)) * storage.format.bytes;
    if (!(position >= begin && position <= bytes.length)) throw cutOff(file, key);
    located.set(key, bytes.subarray(begin, position));
  }
  return located;
}

function cutOff(file: string, key: string): CheckpointError {
  return new CheckpointError(`${file} is damaged: it ends within its storage ${printable(key)}; is it cut off?`);
}
