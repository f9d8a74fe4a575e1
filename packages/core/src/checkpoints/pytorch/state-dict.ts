import { CheckpointError } from "../../errors.js";
import { printable } from "../printable.js";
import { asTensor } from "./globals.js";
import type { PickleValue } from "./pickle-values.js";
import type { TensorView } from "./tensors.js";

/** Where training code puts the weights, the preferred first: averaged ones (params_ema) before the last step's. */
const WRAPPERS = ["params_ema", "params", "state_dict", "model_state_dict", "model"];

/** Prefixes that wrapping a model adds to all its names. */
const PREFIXES = ["module.", "model."];

const MAX_DEPTH = 8;

/**
 * The named tensors of a checkpoint, wherever it keeps them; entries that aren't tensors (an epoch, an optimiser's state)
 * are left out.
 *
 * @throws CheckpointError with the names that are there, where no tensors are found
 */
export function findStateDict(root: PickleValue, file: string): Map<string, TensorView> {
  let dictionary = root;
  for (let depth = 0; depth < MAX_DEPTH && dictionary instanceof Map; depth++) {
    const holder: Map<PickleValue, PickleValue> = dictionary;
    const wrapper = WRAPPERS.find((name) => holder.get(name) instanceof Map);
    if (wrapper === undefined) break;
    dictionary = holder.get(wrapper) ?? null;
  }
  const tensors = new Map<string, TensorView>();
  if (dictionary instanceof Map) {
    for (const [name, value] of dictionary) {
      const tensor = asTensor(value);
      if (tensor && typeof name === "string") tensors.set(name, tensor);
    }
  }
  if (tensors.size === 0) throw nothingFound(root, file);
  return stripPrefixes(tensors);
}

/** The tensors without what wrapping a model adds to all their names, `module.` and the like. */
export function stripPrefixes<Tensor>(tensors: Map<string, Tensor>): Map<string, Tensor> {
  const prefix = PREFIXES.find((candidate) => [...tensors.keys()].every((name) => name.startsWith(candidate)));
  if (prefix === undefined) return tensors;
  return stripPrefixes(new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor])));
}

function nothingFound(root: PickleValue, file: string): CheckpointError {
  const names = root instanceof Map ? [...root.keys()].filter((name) => typeof name === "string") : [];
  const seen =
    names.length > 0
      ? `; it has ${names
          .slice(0, 8)
          .map((name) => printable(name))
          .join(", ")}`
      : "";
  return new CheckpointError(
    `${file} has no named tensors, neither at its top nor under ${WRAPPERS.join(", ")}${seen}. ` +
      "Save the weights with torch.save(model.state_dict(), path)",
  );
}
