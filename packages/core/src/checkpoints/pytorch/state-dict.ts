import { CheckpointError } from "../../errors.js";
import { AVERAGED } from "../prefixes.js";
import { printable } from "../printable.js";
import { asTensor } from "./globals.js";
import { Opaque, type PickleValue } from "./pickle-values.js";
import type { TensorView } from "./tensors.js";

/** Where training code puts the weights, the preferred first; averaged ones come before them all. */
const WRAPPERS = [/^params$/, /^state_dict$/, /^model_state_dict$/, /^model$/];

/** Where adversarial training puts the network that makes images. */
const GENERATOR = /^(net_?)?g(en(erator)?)?(_state_dict)?$/i;

const MAX_DEPTH = 8;

/** Tensors by name, and the keys under which the file has them. */
export interface FoundTensors {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly path: readonly string[];
}

/**
 * The named float tensors of a checkpoint, wherever it keeps them: averaged ones if there are any, else under the names that are
 * usual, else in the only dictionary that has some. Of several the names have the dictionary's before them. What isn't a tensor (an
 * epoch, an optimiser's state) is left out.
 *
 * @throws CheckpointError with what is there, where no tensors are found or one can't be rebuilt
 */
export function findStateDict(root: PickleValue, file: string): FoundTensors {
  const holders = new Holders();
  const path: string[] = [];
  let value = root;
  for (let next = holders.next(value); next && path.length < MAX_DEPTH; next = holders.next(value)) {
    path.push(next[0]);
    value = next[1];
  }
  const tensors = new Map<string, TensorView>();
  collect(value, "", holders, tensors, file);
  if (tensors.size === 0) throw nothingFound(root, file);
  return { tensors, path };
}

/** Which dictionaries and lists hold float tensors, however deep. */
class Holders {
  private readonly known = new Map<PickleValue, boolean>();

  /** Those among a value's entries. */
  among(value: PickleValue): [string, PickleValue][] {
    return entriesOf(value).filter(([, each]) => this.holds(each, 0));
  }

  /** The entry to look in for the weights; undefined where the value has tensors itself, or it isn't clear. */
  next(value: PickleValue): [string, PickleValue] | undefined {
    const entries = this.among(value);
    for (const name of [AVERAGED, ...WRAPPERS]) {
      const named = entries.find(([key]) => name.test(key));
      if (named) return named;
    }
    if (entriesOf(value).some(([, each]) => isWeight(each))) return undefined;
    return entries.length === 1 ? entries[0] : entries.find(([key]) => GENERATOR.test(key));
  }

  private holds(value: PickleValue, depth: number): boolean {
    const known = this.known.get(value);
    if (known !== undefined) return known;
    if (!isContainer(value) || depth > MAX_DEPTH) return false;
    // What holds itself is asked again while it is being asked.
    this.known.set(value, false);
    const holds = entriesOf(value).some(([, each]) => isWeight(each) || this.holds(each, depth + 1));
    this.known.set(value, holds);
    return holds;
  }
}

/** A value's own tensors; those of its entries where it has none. */
function collect(
  value: PickleValue,
  prefix: string,
  holders: Holders,
  into: Map<string, TensorView>,
  file: string,
  seen = new Set<PickleValue>(),
): void {
  seen.add(value);
  const entries = entriesOf(value);
  if (!entries.some(([, each]) => isWeight(each))) {
    for (const [key, each] of holders.among(value)) {
      if (!seen.has(each)) collect(each, `${prefix}${key}.`, holders, into, file, seen);
    }
    return;
  }
  for (const [key, each] of entries) {
    const tensor = asTensor(each);
    if (tensor?.storage.format.float) into.set(prefix + key, tensor);
    else if (each instanceof Opaque && each.ofTensor) {
      throw new CheckpointError(
        `${file}: ${printable(prefix + key)} is made by ${each.name}, and nothing of a file is executed; only dense tensors ` +
          "are read. Save it as one, with torch.save(model.state_dict(), path)",
      );
    }
  }
}

const isContainer = (value: PickleValue): boolean =>
  value instanceof Map || Array.isArray(value) || value instanceof Opaque;

const isWeight = (value: PickleValue): boolean =>
  asTensor(value)?.storage.format.float !== undefined || (value instanceof Opaque && value.ofTensor);

/** What a dictionary has under names, or a list by its indices. */
function entriesOf(value: PickleValue): [string, PickleValue][] {
  if (Array.isArray(value)) return value.map((each, i) => [String(i), each]);
  const dictionary = value instanceof Opaque ? value.entries : value;
  if (!(dictionary instanceof Map)) return [];
  return [...dictionary].filter((entry): entry is [string, PickleValue] => typeof entry[0] === "string");
}

function nothingFound(root: PickleValue, file: string): CheckpointError {
  const seen = entriesOf(root)
    .slice(0, 8)
    .map(([key, value]) => printable(key) + kindOf(value));
  const what = root instanceof Opaque ? `; it is made by ${root.name}` : "";
  const has = seen.length > 0 ? `; it has ${seen.join(", ")}` : "";
  return new CheckpointError(
    `${file} has no named tensors of floating-point numbers${what}${has}. Nothing of a file is executed, so that objects of ` +
      "Python aren't made; save the weights with torch.save(model.state_dict(), path)",
  );
}

function kindOf(value: PickleValue): string {
  if (value instanceof Opaque) return ` (made by ${value.name})`;
  return asTensor(value) ? " (of integers)" : "";
}
