import { CheckpointError } from "../errors.js";
import { showDimensions } from "../graph/types.js";
import type { Vgg19Weights } from "../networks/vgg19/network.js";
import { readState } from "./checkpoint.js";
import { dequantise, SCALE_SUFFIX } from "./quantised.js";
import type { StateDict, StateTensor } from "./state.js";

/** Modules that are convolutions in torchvision's `vgg19().features`, and their numbers of output channels. */
const CONVOLUTIONS: readonly (readonly [index: number, channels: number])[] = [
  [0, 64],
  [2, 64],
  [5, 128],
  [7, 128],
  [10, 256],
  [12, 256],
  [14, 256],
  [16, 256],
  [19, 512],
  [21, 512],
  [23, 512],
  [25, 512],
  [28, 512],
];

const PARAMETER = /^features\.(\d+)\.(weight|weight_scale|bias)$/;

/**
 * Read VGG19 from torchvision's file (the whole network; what is beyond conv5_1 is skipped) or from a safetensors file with its
 * names, whose weights may be int8 with a float scale per output channel, `weight_scale`. The mean is 0, as CSD's published code feeds raw pixels, unless a safetensors file's metadata has a `preprocess`
 * note that subtracts one ("… - [red,green,blue]").
 *
 * @param bytes the whole file
 * @param file what errors call it
 * @throws CheckpointError where the file is damaged, hostile or not VGG19
 */
export function readVgg19(bytes: Uint8Array, file: string): Vgg19Weights {
  const wanted = new Set(CONVOLUTIONS.map(([index]) => index));
  const { state, int8s, metadata } = readState(bytes, file, (name) => wanted.has(Number(PARAMETER.exec(name)?.[1])));
  for (const [name, tensor] of int8s) {
    state.set(name, dequantise(name, tensor, state.get(name + SCALE_SUFFIX), file));
  }
  let channels = 3;
  const convolutions = CONVOLUTIONS.map(([index, outputs]) => {
    const weight = parameter(state, `features.${index}.weight`, [outputs, channels, 3, 3], file);
    const bias = parameter(state, `features.${index}.bias`, [outputs], file);
    channels = outputs;
    return { weight, bias };
  });
  return { convolutions, mean: meanOf(metadata.preprocess ?? "") };
}

function parameter(state: StateDict, name: string, shape: readonly number[], file: string): StateTensor {
  const tensor = state.get(name);
  if (!tensor) throw new CheckpointError(`${file} is not torchvision's VGG19: ${name} is missing`);
  if (tensor.shape.join() !== shape.join()) {
    throw new CheckpointError(
      `${file} is not torchvision's VGG19: ${name} is ${showDimensions(tensor.shape)}, expected ${showDimensions(shape)}`,
    );
  }
  return tensor;
}

function meanOf(preprocess: string): Vgg19Weights["mean"] {
  const colour = /-\s*\[\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*\]/.exec(preprocess)?.slice(1).map(Number);
  const [red = 0, green = 0, blue = 0] = colour?.every(Number.isFinite) ? colour : [];
  return [red, green, blue];
}
