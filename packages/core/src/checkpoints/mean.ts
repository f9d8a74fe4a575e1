import { CheckpointError } from "../errors.js";
import type { Convention } from "../networks/architecture.js";
import { type CommonOptions, DIV2K_MEAN, type Mean } from "../networks/options.js";
import type { NetworkOptions } from "../networks/registry.js";
import type { StateDict, StateTensor } from "./state.js";

const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/**
 * What a published checkpoint's mean layers say, 1×1 convolutions of weight 1/deviation and bias ∓range·mean: the mean in
 * 0..255 and the range, which the biases' size gives away. Without such layers, DIV2K's mean and the source's range.
 *
 * @throws CheckpointError where the layers do more than subtract a colour and add it again
 */
export function readMean(
  state: StateDict,
  convention: Convention,
  override: CommonOptions["range"] | undefined,
  file: string,
): { mean: Mean; range: CommonOptions["range"] } {
  const [subtract, add] = convention.meanLayers ?? [];
  const subtracted = subtract === undefined ? undefined : shift(state, subtract, file);
  const added = add === undefined ? undefined : shift(state, add, file);
  if (!subtracted && !added) return { mean: DIV2K_MEAN, range: override ?? convention.range };
  const mean = (subtracted?.map((value) => -value || 0) ?? added) as number[];
  if (added?.some((value, channel) => Math.abs(value - (mean[channel] as number)) > 1e-4 * Math.abs(value))) {
    throw new CheckpointError(
      `${file} is not supported: ${add} adds ${added.join(", ")}, but ${subtract} subtracts ${mean.join(", ")}`,
    );
  }
  const largest = Math.max(...mean);
  const range = override ?? (largest > 1 ? 255 : largest > 0 ? 1 : convention.range);
  const [red = 0, green = 0, blue = 0] = mean.map((value) => (value * 255) / range);
  return { mean: [red, green, blue], range };
}

/** The mean as the source's layers, the inverse of `readMean`. */
export function writeMean(network: NetworkOptions, convention: Convention): StateDict {
  const state: StateDict = new Map();
  if (!("mean" in network)) return state;
  const { mean, range } = network;
  for (const [index, layer] of (convention.meanLayers ?? []).entries()) {
    const bias = mean.map((value) => ((index === 0 ? -1 : 1) * value * range) / 255);
    state.set(`${layer}.weight`, tensor([3, 3, 1, 1], IDENTITY));
    state.set(`${layer}.bias`, tensor([3], bias));
  }
  return state;
}

/** The layer's bias, in the network's range; its weight must not scale. */
function shift(state: StateDict, layer: string, file: string): number[] | undefined {
  const [weight, bias] = [state.get(`${layer}.weight`), state.get(`${layer}.bias`)];
  if (!weight && !bias) return undefined;
  if (weight && !weight.data.every((value, i) => value === IDENTITY[i])) {
    throw new CheckpointError(
      `${file} is not supported: ${layer}.weight is not the identity, so images are divided by a standard deviation ` +
        "other than 1, which this project's networks don't do",
    );
  }
  if (bias?.data.length !== 3 || !bias.data.every(Number.isFinite)) {
    throw new CheckpointError(`${file} is not supported: ${layer}.bias is not a colour`);
  }
  return [...bias.data];
}

function tensor(shape: number[], values: readonly number[]): StateTensor {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}
