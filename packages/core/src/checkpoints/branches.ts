import { CheckpointError } from "../errors.js";
import { showDimensions } from "../graph/types.js";
import type { StateDict, StateTensor } from "./state.js";

/** The convolutions that SPAN trains in place of one, with what their names end in: 1×1, 3×3 and 1×1 behind one another, 1×1 beside. */
const CHAIN = ["conv.0", "conv.1", "conv.2"] as const;
const BESIDE = "sk";
const DEPLOYED = "eval_conv";

/**
 * The state with one 3×3 convolution, {layer}.eval_conv, for each that SPAN trained as branches. What the file has for it is
 * left out, for its code computes it anew of the branches.
 *
 * @throws CheckpointError where the branches' shapes don't fit one another
 */
export function foldBranches(state: StateDict, file: string): StateDict {
  const folded: StateDict = new Map(state);
  for (const name of state.keys()) {
    const layer = /^(.*)\.sk\.weight$/.exec(name)?.[1];
    if (layer === undefined) continue;
    const branches = [...CHAIN, BESIDE].map((branch) => convolutionOf(state, `${layer}.${branch}`));
    if (branches.some((branch) => branch === undefined)) continue;
    const { weight, bias } = fold(branches as Convolution[], layer, file);
    for (const branch of [...CHAIN, BESIDE]) {
      folded.delete(`${layer}.${branch}.weight`);
      folded.delete(`${layer}.${branch}.bias`);
    }
    folded.set(`${layer}.${DEPLOYED}.weight`, weight);
    folded.set(`${layer}.${DEPLOYED}.bias`, bias);
  }
  return folded;
}

interface Convolution {
  readonly weight: StateTensor;
  readonly bias: StateTensor;
}

function convolutionOf(state: StateDict, layer: string): Convolution | undefined {
  const [weight, bias] = [state.get(`${layer}.weight`), state.get(`${layer}.bias`)];
  return weight && bias && { weight, bias };
}

/** W = W₃·W₂·W₁ at each tap, plus W₀ at the middle; b = W₃·(Σₜ W₂ₜ·b₁ + b₂) + b₃ + b₀. */
function fold([first, middle, last, beside]: readonly Convolution[], layer: string, file: string): Convolution {
  const [outputs = 0, , height = 0, width = 0] = middle?.weight.shape ?? [];
  const [inner = 0, inputs = 0] = first?.weight.shape ?? [];
  const [filters = 0] = last?.weight.shape ?? [];
  const expected: [Convolution | undefined, number[]][] = [
    [first, [inner, inputs, 1, 1]],
    [middle, [outputs, inner, 3, 3]],
    [last, [filters, outputs, 1, 1]],
    [beside, [filters, inputs, 1, 1]],
  ];
  const wrong = expected.find(
    ([branch, shape]) =>
      branch?.weight.shape.join() !== shape.join() || branch.bias.data.length !== branch.weight.shape[0],
  );
  if (wrong || !first || !middle || !last || !beside) {
    const shapes = [first, middle, last, beside].map((branch) => showDimensions(branch?.weight.shape ?? []));
    throw new CheckpointError(`${file}: the branches of ${layer}, ${shapes.join(", ")}, make no convolution of 3×3`);
  }
  const taps = height * width;
  const data = new Float64Array(filters * inputs * taps);
  const bias = new Float64Array(filters);
  const w = (branch: Convolution, row: number, column: number, columns: number) =>
    branch.weight.data[row * columns + column] as number;
  const middleWeight = (o: number, i: number, tap: number) =>
    middle.weight.data[(o * inner + i) * taps + tap] as number;
  for (let o = 0; o < outputs; o++) {
    // Row o of W₂·W₁ at each tap, and of W₂·b₁ + b₂.
    const row = new Float64Array(inputs * taps);
    let offset = middle.bias.data[o] as number;
    for (let i = 0; i < inner; i++) {
      for (let tap = 0; tap < taps; tap++) {
        const weight = middleWeight(o, i, tap);
        offset += weight * (first.bias.data[i] as number);
        for (let c = 0; c < inputs; c++) {
          row[c * taps + tap] = (row[c * taps + tap] as number) + weight * w(first, i, c, inputs);
        }
      }
    }
    for (let f = 0; f < filters; f++) {
      const factor = w(last, f, o, outputs);
      bias[f] = (bias[f] as number) + factor * offset;
      row.forEach((value, k) => {
        data[f * row.length + k] = (data[f * row.length + k] as number) + factor * value;
      });
    }
  }
  const centre = Math.floor(taps / 2);
  for (let f = 0; f < filters; f++) {
    bias[f] = (bias[f] as number) + (last.bias.data[f] as number) + (beside.bias.data[f] as number);
    for (let c = 0; c < inputs; c++) {
      const at = (f * inputs + c) * taps + centre;
      data[at] = (data[at] as number) + w(beside, f, c, inputs);
    }
  }
  return {
    weight: { dtype: "float32", shape: [filters, inputs, height, width], data: Float32Array.from(data) },
    bias: { dtype: "float32", shape: [filters], data: Float32Array.from(bias) },
  };
}
