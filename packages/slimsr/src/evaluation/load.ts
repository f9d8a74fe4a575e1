import { basename } from "node:path";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { describeOnnxFile } from "@slimsr/core/internal/export/onnx-file.js";
import { storedOnnx } from "@slimsr/core/internal/formats/model-file.js";
import { requireChannels } from "@slimsr/core/internal/model/image-network.js";
import type { SplitMode } from "@slimsr/core/internal/model/split.js";
import { externalBeside } from "@slimsr/upscaler/internal/node/external.js";
import { type SettleOptions, settleRange } from "../calibration/settle-range.js";
import { settleScale } from "../calibration/settle-scale.js";
import { loadCheckpoint, readBytes } from "../files/checkpoints.js";
import { holdsGraph, loadModel } from "../files/models.js";
import { provenanceNotes } from "../files/provenance.js";
import { checkpointContenders } from "./checkpoint-contenders.js";
import { type Contender, contender } from "./contender.js";

/** What the file may leave unsaid; `range` is the ONNX model's images', or that inside a checkpoint's network. */
export interface LoadOptions extends Overrides {
  widths?: readonly number[] | undefined;
  split?: SplitMode | undefined;
  /** Called with what should be known of a file; see `provenanceNotes`. */
  note?: ((text: string) => void) | undefined;
  /** Whether whoever asks for the file may say what it leaves open; they may where left out. */
  isAsked?: boolean;
  /** Ends the run of a network whose scale its file doesn't tell. */
  signal?: AbortSignal | undefined;
}

/**
 * The networks in a file: an ONNX model, or a checkpoint's network at some widths.
 * @throws CheckpointError, OnnxError or UsageError where it can't be read or doesn't fit the options
 */
export async function loadContenders(
  path: string,
  { widths, split, note, isAsked, signal, ...overrides }: LoadOptions = {},
): Promise<Contender[]> {
  const name = basename(path);
  if (!(await holdsGraph(path))) {
    const checkpoint = await loadCheckpoint(path, overrides);
    for (const each of provenanceNotes(checkpoint.network, checkpoint, isAsked)) note?.(`${name}: ${each}`);
    const contenders = checkpointContenders(name, checkpoint, { widths, split });
    for (const each of contenders) requireChannels(name, each.channels, overrides.channels);
    return contenders;
  }
  const { scale, channels, range, ...own } = overrides;
  if (
    Object.values(own).some((value) => value !== undefined) ||
    split !== undefined ||
    (widths ?? [1]).join() !== "1"
  ) {
    throw new UsageError(`${path} is an ONNX model: it has one width, and its layers are as they are`);
  }
  const bytes = await readBytes(path);
  const onnx = storedOnnx(bytes, path);
  if (!onnx) return [contender(name, 1, await loadModel(path, { scale, channels, range }))];
  const file = describeOnnxFile(name, onnx, {
    scale,
    channels,
    range,
    external: externalBeside(path),
  });
  const network = { ...file, scale: file.scale ?? (await settleScale(name, file, signal)) };
  return [{ ...contender(name, 1, network), bytes: bytes.length }];
}

/** Contenders with their ranges settled, and what is worth saying of that; see `settleRange`. */
export async function withRanges(
  contenders: readonly Contender[],
  options: Omit<SettleOptions, "name">,
): Promise<{ contenders: Contender[]; notes: string[] }> {
  const settled: Contender[] = [];
  const notes: string[] = [];
  for (const { rangeSource, ...each } of contenders) {
    const { range, note } = await settleRange(
      { ...each, ...(rangeSource && { rangeSource }) },
      { name: each.name, ...options },
    );
    settled.push({ ...each, range });
    if (note !== undefined) notes.push(note);
  }
  return { contenders: settled, notes };
}
