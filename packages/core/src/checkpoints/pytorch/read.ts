import { CheckpointError } from "../../errors.js";
import { elements } from "../../graph/types.js";
import { type FloatElements, floatElements } from "../floats.js";
import { stripPrefixes } from "../prefixes.js";
import { printable } from "../printable.js";
import type { StateDict } from "../state.js";
import { openArchive } from "./archive.js";
import { openLegacy } from "./legacy.js";
import type { PickleValue } from "./pickle-values.js";
import { findStateDict } from "./state-dict.js";
import { gather, type Storage, type TensorView } from "./tensors.js";

/** What both of PyTorch's formats come down to. */
export interface TorchFile {
  /** What was saved. */
  root: PickleValue;
  /** Bytes of the storages with these keys, as many as there are. */
  readStorages(keys: ReadonlySet<string>): Map<string, Uint8Array>;
}

/** Numbers that a file may claim however small it is, 16 MiB of them: expanded tensors repeat what is stored once. */
const ALWAYS_ALLOWED = 2 ** 22;

/** Whether the file begins as PyTorch's zip format does. */
export function looksLikeArchive(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** Whether the file begins as a pickle does, which PyTorch's legacy format is made of. */
export function looksLikePickle(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5;
}

/**
 * Read the state dictionary of a file that torch.save wrote, in its zip or its legacy format. Nothing in the file is
 * executed. Tensors of integers are left out; prefixes such as `module.` are stripped. `path` has the keys under which the
 * dictionary is.
 *
 * @param bytes the whole file
 * @param file what errors call it
 * @param wanted names to read, without prefix; all by default. What isn't wanted costs nothing
 * @throws CheckpointError where the file is damaged, has no float tensors, or one that isn't plain data
 */
export function readPytorch(
  bytes: Uint8Array,
  file: string,
  wanted?: (name: string) => boolean,
): { tensors: StateDict; path: readonly string[] } {
  const { root, readStorages } = looksLikeArchive(bytes) ? openArchive(bytes, file) : openLegacy(bytes, file);
  const { tensors: found, path } = findStateDict(root, file);
  const views = new Map([...stripPrefixes(found)].filter(([name]) => !wanted || wanted(name)));
  refuseInflation(views.values(), bytes.length, file);
  const storages = readStorages(new Set([...views.values()].map((view) => view.storage.key)));
  const elements = new Map<string, FloatElements>();
  const gathered = new Map<string, Float32Array>();
  const tensors: StateDict = new Map();
  for (const [name, view] of views) {
    const data = gathered.get(view.identity) ?? gather(view, elementsOf(view.storage, storages, elements, file));
    gathered.set(view.identity, data);
    tensors.set(name, { dtype: "float32", shape: view.shape, data });
  }
  return { tensors, path };
}

/** Views may share storages and repeat elements; together they may not become more than four times the file's size. */
function refuseInflation(views: Iterable<TensorView>, fileBytes: number, file: string): void {
  const distinct = new Map([...views].map((view) => [view.identity, elements(view.shape)]));
  const total = [...distinct.values()].reduce((sum, count) => sum + count, 0);
  if (total > Math.max(fileBytes, ALWAYS_ALLOWED)) {
    throw new CheckpointError(`${file} is damaged: its ${fileBytes} bytes claim to hold ${total} numbers`);
  }
}

function elementsOf(
  { key, format, offset, length }: Storage,
  storages: Map<string, Uint8Array>,
  known: Map<string, FloatElements>,
  file: string,
): FloatElements {
  const bytes = storages.get(key);
  if (!bytes || !format.float)
    throw new CheckpointError(`${file} is damaged: its storage ${printable(key)} is missing`);
  const elements = known.get(`${key}:${format.float}`) ?? floatElements(bytes, format.float);
  known.set(`${key}:${format.float}`, elements);
  if (offset + length > elements.length) {
    throw new CheckpointError(
      `${file} is damaged: its storage ${printable(key)} claims ${offset + length} elements, but holds ${elements.length}`,
    );
  }
  return elements;
}
