import type { Value } from "../../graph/index.js";
import { shape4 } from "../../operators/geometry.js";
import { pad, reshape, slice, transpose } from "../../operators/index.js";
import { permuteChunks } from "./chunks.js";
import { reorderInput } from "./operators.js";

/**
 * Convolution weights for the blocked layout. Constants are arranged here and now; others by nodes of the graph.
 * `adjoint` turns the kernel by 180° and swaps its channel axes first: the weight of the input's gradient.
 */
export function blockedWeight(weight: Value, block: number, adjoint: boolean): Value {
  return weight.data ? arrangedConstant(weight, block, adjoint) : arranged(weight, block, adjoint);
}

/** Axes (filters, inputs) of the convolution that uses the weight. */
const channelAxes = (adjoint: boolean): readonly [0 | 1, 0 | 1] => (adjoint ? [1, 0] : [0, 1]);

const roundUp = (size: number, block: number): number => Math.ceil(size / block) * block;

/** Filters are filled up to whole blocks; inputs stay as they are where they are fewer than a block. */
function sizes(weight: Value, block: number, adjoint: boolean): { filters: number; inputs: number } {
  const shape = shape4(weight);
  const [filterAxis, inputAxis] = channelAxes(adjoint);
  return { filters: roundUp(shape[filterAxis], block), inputs: shape[inputAxis] };
}

function arranged(weight: Value, block: number, adjoint: boolean): Value {
  const [, , height, width] = shape4(weight);
  const { filters, inputs } = sizes(weight, block, adjoint);
  const [filterAxis] = channelAxes(adjoint);
  const missing = [0, 1, 2, 3].map((axis) => (axis === filterAxis ? filters - (weight.shape[axis] as number) : 0));
  const filled = missing.some((size) => size > 0) ? pad(weight, [0, 0, 0, 0, ...missing]) : weight;
  const taps = height * width;
  if (inputs < block) {
    // [O/b, I, taps, b of O]
    const grouped = adjoint
      ? transpose(reshape(filled, [inputs, filters / block, block, taps]), [1, 0, 3, 2])
      : transpose(reshape(filled, [filters / block, block, inputs, taps]), [0, 2, 3, 1]);
    return reshape(adjoint ? reversed(grouped, 2) : grouped, [filters, inputs, height, width]);
  }
  const [filterBlocks, inputBlocks] = [filters / block, inputs / block];
  // Reordering brings a block of filters innermost, fast; what is left moves in chunks. Both end as [O/b, I/b, taps, b of I, b of O].
  const chunks = adjoint
    ? permuteChunks(reorderInput(filled), [inputBlocks, block, filterBlocks, taps], [2, 0, 3, 1], block, 3)
    : permuteChunks(
        reorderInput(reshape(filled, [1, filters, inputs, taps])),
        [filterBlocks, inputBlocks, block, taps],
        [0, 1, 3, 2],
        block,
      );
  return reshape(chunks, [filters, inputs, height, width]);
}

const reversed = (x: Value, axis: number): Value => {
  const size = x.shape[axis] as number;
  return size === 1 ? x : slice(x, [{ axis, start: size - 1, end: -size - 1, step: -1 }]);
};

function arrangedConstant(weight: Value, block: number, adjoint: boolean): Value {
  const { filters, inputs } = sizes(weight, block, adjoint);
  const [, , height, width] = shape4(weight);
  return weight.graph.shared(`arranged ${weight.name} ${adjoint}`, () =>
    weight.graph.derivedConstant(() => arrangedData(weight, block, adjoint), [filters, inputs, height, width]),
  );
}

function arrangedData(weight: Value, block: number, adjoint: boolean): Float32Array {
  const [outer, inner, height, width] = shape4(weight);
  const { filters, inputs } = sizes(weight, block, adjoint);
  const source = weight.data as Float32Array;
  // Strides of [O/b, I, taps, b of O], or of [O/b, I/b, taps, b of I, b of O].
  const taps = height * width;
  const data = new Float32Array(filters * inputs * taps);
  const few = inputs < block;
  const tapStride = few ? block : block * block;
  const at = (filter: number, input: number) =>
    Math.floor(filter / block) * inputs * taps * block +
    (filter % block) +
    (few ? input * taps * block : Math.floor(input / block) * taps * block * block + (input % block) * block);
  for (let a = 0; a < outer; a++) {
    for (let b = 0; b < inner; b++) {
      const start = adjoint ? at(b, a) : at(a, b);
      for (let tap = 0; tap < taps; tap++) {
        const to = adjoint ? taps - 1 - tap : tap;
        data[start + to * tapStride] = source[(a * inner + b) * taps + tap] as number;
      }
    }
  }
  return data;
}

/** A bias filled up to whole blocks. */
export function blockedBias(bias: Value, block: number): Value {
  const size = bias.shape[0] as number;
  const missing = roundUp(size, block) - size;
  return missing === 0 ? bias : pad(bias, [0, missing]);
}
