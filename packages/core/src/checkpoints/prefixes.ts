import type { StateDict } from "./state.js";

/** Names of averaged weights, which training prefers to the last step's: "params_ema", "ema_model", "swa". */
export const AVERAGED = /(^|[_.-])(ema|swa|averaged?)([_.-]|$)/i;

/** What a checkpoint may hold beside the network: networks and buffers of its training. */
const OF_TRAINING = /^(net_?)?d$|discriminator|critic|criterion|loss|perceptual|vgg|lpips|metric|psnr|ssim/i;

/** What compiling and sharding put into names, wherever the modules are that they wrap. */
const WRAPPING = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/** Prefixes that wrapping a model adds to all its names. */
const PREFIXES = ["module.", "model."];

const MAX_DEPTH = 8;

/** Three times RCAN's tensors: parts of larger states are not looked into, which bounds the time. */
const MOST_TENSORS = 5000;

/** The tensors without what wrapping a model adds to all their names, `module.` and the like. */
export function stripPrefixes<Tensor>(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const plain = renamed(tensors, (name) => name.replaceAll(WRAPPING, "$1"));
  const names = [...plain.keys()];
  const prefix = PREFIXES.find((candidate) => names.length > 0 && names.every((name) => name.startsWith(candidate)));
  return prefix === undefined ? plain : stripPrefixes(renamed(plain, (name) => name.slice(prefix.length)));
}

/** Unless two would be called the same. */
function renamed<Tensor>(tensors: ReadonlyMap<string, Tensor>, rename: (name: string) => string) {
  const result = new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
  return result.size === tensors.size ? result : tensors;
}

/**
 * Where a network may be within a state: at its top, under what all names begin with, or beside what only training needs.
 * Averaged weights come before others.
 *
 * @returns the part's prefix ("generator.") and its tensors by their names without it
 */
export function* networksWithin(
  state: StateDict,
  prefix = "",
  depth = 0,
): Generator<[prefix: string, state: StateDict]> {
  yield [prefix, state];
  if (depth === MAX_DEPTH || state.size > MOST_TENSORS) return;
  const parts = partsOf(state);
  const names = [...parts.keys()].sort((a, b) => Number(AVERAGED.test(b)) - Number(AVERAGED.test(a)));
  for (const name of names) {
    const alone = names.every(
      (other) => other === name || OF_TRAINING.test(other) || AVERAGED.test(other) || AVERAGED.test(name),
    );
    if (alone) yield* networksWithin(parts.get(name) as StateDict, `${prefix}${name}.`, depth + 1);
  }
}

/** Tensors by their names' first word; counters and the like aside. */
function partsOf(state: StateDict): Map<string, StateDict> {
  const parts = new Map<string, StateDict>();
  for (const [name, tensor] of state) {
    const end = name.indexOf(".");
    if (end < 0 && tensor.data.length <= 1) continue;
    const first = end < 0 ? name : name.slice(0, end);
    const part = parts.get(first) ?? new Map();
    parts.set(first, part);
    if (end >= 0) part.set(name.slice(end + 1), tensor);
  }
  return parts;
}
