import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { type Deployment, deploy } from "@slimsr/core/internal/export/deployment.js";
import { onnxDeployment } from "@slimsr/core/internal/export/onnx-file.js";
import { readModelFile, storedOnnx } from "@slimsr/core/internal/formats/model-file.js";
import { narrowed } from "@slimsr/core/internal/model/split.js";
import type { External } from "@slimsr/core/internal/onnx/index.js";

/** What a file may leave unsaid. */
export type FileOptions = Pick<Overrides, "scale" | "channels" | "range">;

/** The networks in a file: one of each quality. */
export interface NetworkFile {
  readonly name: string;
  /** Shares of the full network's channels, from the largest. */
  readonly qualities: readonly number[];
  /** Whether the graph is as someone's file has it, so that it isn't known what it does to the engine. */
  readonly isForeign: boolean;
  deployment(quality: number): Deployment;
}

/**
 * A checkpoint (.safetensors, .pt, .pth), of as many qualities as it was trained for, or an ONNX model, or that of a quantised network's checkpoint.
 * @param external what lies in files beside an ONNX model
 * @throws CheckpointError or OnnxError where it is damaged or no network of images; UsageError for options that contradict it
 */
export function readNetworkFile(
  bytes: Uint8Array,
  name: string,
  { scale, channels, range }: FileOptions = {},
  external?: External,
): NetworkFile {
  const options = { scale, channels, range };
  const onnx = storedOnnx(bytes, name);
  if (onnx) {
    const network = onnxDeployment(name, onnx, { ...options, external });
    return { name, qualities: [1], isForeign: true, deployment: () => network };
  }
  const { model, widths } = readModelFile(bytes, name, options);
  const made = new Map<number, Deployment>();
  return {
    name,
    qualities: widths,
    isForeign: false,
    deployment: (quality) => {
      const known = made.get(quality);
      if (known) return known;
      const network = deploy(quality === widths[0] ? model : narrowed(model, quality));
      made.set(quality, network);
      return network;
    },
  };
}
