import { type Deployment, deploy } from "@slimsr/core/internal/export/deployment.js";
import { type OnnxFileOptions, onnxDeployment } from "@slimsr/core/internal/export/onnx-file.js";
import { readPackedCheckpoint } from "@slimsr/core/internal/formats/packed-checkpoint.js";
import type { Model } from "@slimsr/core/internal/model/model.js";

/** A network that is measured beside others. */
export interface Contender extends Deployment {
  /** What tables call it. */
  readonly name: string;
  /** Share of the full network's channels. */
  readonly width: number;
  /** Of its file; of a network that is deployed here, as ONNX. */
  readonly bytes: number;
  /** Whether it runs in a process of its own, for its file may be anyone's. */
  readonly isolated: boolean;
}

/** @param network a model, or one that is run as its file has it */
export function contender(name: string, width: number, network: Model | Deployment): Contender {
  const isolated = "onnx" in network;
  const deployment = isolated ? network : deploy(network);
  return { name, width, isolated, bytes: deployment.onnx.length, ...deployment };
}

/** A network that is run as its file has it, an ONNX model or a quantised network's checkpoint; see `onnxDeployment`. */
export const onnxContender = (name: string, file: Uint8Array, options: OnnxFileOptions = {}): Contender => ({
  ...contender(name, 1, onnxDeployment(name, readPackedCheckpoint(file, name) ?? file, options)),
  bytes: file.length,
});
