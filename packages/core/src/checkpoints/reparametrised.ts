import { CheckpointError } from "../errors.js";
import { elements, showDimensions } from "../graph/types.js";
import type { StateDict, StateTensor } from "./state.js";

/** How PyTorch calls a tensor `{name}` that it computes of others, with what they are called. */
interface Reparametrisation {
  /** Of one of the tensors; its first group is what the layer's name ends in, its second the computed tensor's. */
  readonly pattern: RegExp;
  readonly parts: (name: string) => readonly string[];
  readonly compute: (parts: readonly StateTensor[]) => StateTensor | undefined;
}

const REPARAMETRISATIONS: readonly Reparametrisation[] = [
  {
    pattern: /^(.*\.)?(\w+)_g$/,
    parts: (name) => [`${name}_g`, `${name}_v`],
    compute: weightNorm,
  },
  {
    pattern: /^(.*\.)?parametrizations\.(\w+)\.original0$/,
    parts: (name) => {
      const parametrised = parametrisation(name);
      return [`${parametrised}.original0`, `${parametrised}.original1`];
    },
    compute: weightNorm,
  },
  {
    pattern: /^(.*\.)?(\w+)_orig$/,
    parts: (name) => [`${name}_orig`, `${name}_u`, `${name}_v`],
    compute: spectralNorm,
  },
  {
    pattern: /^(.*\.)?parametrizations\.(\w+)\.original$/,
    parts: (name) => {
      const parametrised = parametrisation(name);
      return [`${parametrised}.original`, `${parametrised}.0._u`, `${parametrised}.0._v`];
    },
    compute: spectralNorm,
  },
];

/**
 * The state with the weights that a network computes with, where PyTorch's weight_norm or spectral_norm keep what they are
 * computed of.
 *
 * @throws CheckpointError where the shapes don't fit one another
 */
export function foldReparametrised(state: StateDict, file: string): StateDict {
  const folded: StateDict = new Map(state);
  for (const { pattern, parts, compute } of REPARAMETRISATIONS) {
    for (const key of state.keys()) {
      const [, layer = "", tensor] = pattern.exec(key) ?? [];
      if (tensor === undefined) continue;
      const name = layer + tensor;
      const keys = parts(name);
      const found = keys.flatMap((each) => state.get(each) ?? []);
      if (found.length < keys.length || folded.has(name)) continue;
      const computed = compute(found);
      if (!computed) {
        const shapes = found.map(({ shape }, i) => `${keys[i]} ${showDimensions(shape)}`);
        throw new CheckpointError(
          `${file}: ${name} can't be computed of ${shapes.join(" and ")}; is the file damaged?`,
        );
      }
      for (const each of keys) folded.delete(each);
      folded.set(name, computed);
    }
  }
  return folded;
}

/** "body.0.weight" → "body.0.parametrizations.weight". */
const parametrisation = (name: string): string => name.replace(/\w+$/, "parametrizations.$&");

/** w = g · v / ‖v‖, the norm over all axes but the one that g is as long as. */
function weightNorm([g, v]: readonly StateTensor[]): StateTensor | undefined {
  if (!g || !v) return undefined;
  const count = g.data.length;
  const axis = count === 1 ? 0 : g.shape.indexOf(count);
  if (count === 0 || axis < 0 || (count > 1 && v.shape[axis] !== count)) return undefined;
  const inner = count === 1 ? v.data.length : elements(v.shape.slice(axis + 1));
  const squares = new Float64Array(count);
  v.data.forEach((value, i) => {
    const row = Math.floor(i / inner) % count;
    squares[row] = (squares[row] as number) + value ** 2;
  });
  const factors = squares.map((square, row) => (g.data[row] as number) / Math.sqrt(square));
  const data = v.data.map((value, i) => value * (factors[Math.floor(i / inner) % count] as number));
  return { dtype: "float32", shape: v.shape, data };
}

/** w / σ with σ = uᵀWv, W being w as a matrix whose rows are along the axis that u is as long as. */
function spectralNorm([w, u, v]: readonly StateTensor[]): StateTensor | undefined {
  if (!w || !u || !v) return undefined;
  const rows = u.data.length;
  const axis = w.shape.indexOf(rows);
  if (axis < 0 || rows * v.data.length !== w.data.length) return undefined;
  const inner = elements(w.shape.slice(axis + 1));
  const sigma = w.data.reduce((sum, value, i) => {
    const row = Math.floor(i / inner) % rows;
    const column = Math.floor(i / (inner * rows)) * inner + (i % inner);
    return sum + (u.data[row] as number) * value * (v.data[column] as number);
  }, 0);
  return { dtype: "float32", shape: w.shape, data: w.data.map((value) => value / sigma) };
}
