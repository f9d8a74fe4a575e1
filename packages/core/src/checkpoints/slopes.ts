import type { Shape } from "../graph/index.js";
import type { StateTensor } from "./state.js";

// PyTorch's PReLU has slopes [C], which meet the channels of [N, C, H, W]; ONNX's must broadcast, and are [C, 1, 1].

/** PyTorch's slopes as a network's parameter of the shape `nominal`; other tensors as they are. */
export function fromPytorch(tensor: StateTensor, nominal: Shape | undefined): StateTensor {
  const [channels] = tensor.shape;
  return tensor.shape.length === 1 && isSlope(nominal ?? []) ? { ...tensor, shape: [channels ?? 0, 1, 1] } : tensor;
}

/** A parameter as PyTorch has it. */
export const toPytorch = (tensor: StateTensor): StateTensor =>
  isSlope(tensor.shape) ? { ...tensor, shape: tensor.shape.slice(0, 1) } : tensor;

const isSlope = (shape: Shape): boolean => shape.length === 3;
