import { existsSync } from "node:fs";
import { publishedSource } from "@slimsr/core/internal/checkpoints/checkpoint.js";
import { SOURCES, type Source } from "@slimsr/core/internal/checkpoints/conventions.js";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { checkpointFormatOf, isOnnxFile } from "@slimsr/core/internal/formats/model-file.js";
import { requireChannels } from "@slimsr/core/internal/model/image-network.js";
import { networkModel } from "@slimsr/core/internal/model/model.js";
import { architectureOf } from "@slimsr/core/internal/networks/index.js";
import { Command, Option } from "commander";
import { settleModel } from "../calibration/settle-range.js";
import { loadCheckpoint, saveCheckpoint } from "../files/checkpoints.js";
import { holdsGraph, loadModel, saveModel } from "../files/models.js";
import { provenanceNotes } from "../files/provenance.js";
import { message } from "../text/visible.js";
import { addOverrideOptions, summarise } from "./checkpoint-options.js";
import { required } from "./required.js";
import { writeStoredIntegers } from "./stored-integers.js";

interface ConvertOptions extends Overrides {
  out: string;
  names?: Source;
  force?: true;
}

/** `slimsr convert FILE --out FILE`: from any checkpoint to this project's format, to PyTorch's or to ONNX. */
export function convertCommand(): Command {
  const command = new Command("convert").argument("<file>", "checkpoint: .safetensors, .pt or .pth; or .onnx");
  required(
    command,
    new Option(
      "--out <file>",
      "file to write: .safetensors, .pt, .pth or .onnx, whose metadata say its range; of an .onnx, .safetensors or .onnx",
    ),
  )
    .addOption(
      new Option("--names <source>", "whose names a .pt gets (default: the architecture's published code's)").choices(
        SOURCES,
      ),
    )
    .option("--force", "replace OUT if it exists");
  return addOverrideOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  slimsr convert assets/teachers/edsr_r8f64_x2.safetensors --out edsr_x2.pt\n" +
        "  slimsr convert edsr_x2.pt --out edsr_x2.safetensors\n" +
        "  slimsr convert edsr_x2.pt --out edsr_x2.onnx\n" +
        "  slimsr convert edsr_x2.onnx --out edsr_x2_graph.safetensors\n" +
        "  slimsr convert assets/teachers/edsr_r8f64_x2.safetensors --out csd_x2.pt --names csd\n\n" +
        "Of a quantised network, an .onnx is written as .safetensors, and that as .onnx again.",
    )
    .action(convert);
}

async function convert(input: string, options: ConvertOptions): Promise<void> {
  const { out: output, names, force, ...overrides } = options;
  const format = isOnnxFile(output) ? "onnx" : checkpointFormatOf(output);
  if (isOnnxFile(input) && format === "pytorch") {
    throw new UsageError(
      `${input} is an ONNX model, whose layers have no names of a checkpoint; write a .safetensors, which holds its graph, or an .onnx`,
    );
  }
  if (await holdsGraph(input)) return convertGraph(input, options);
  if (names && format !== "pytorch") {
    throw new UsageError(`${output}: a .${format} always has canonical names; leave --names out, or write a .pt`);
  }
  if (!force && existsSync(output)) throw new UsageError(`${output} exists; give --force to replace it`);
  const checkpoint = await loadCheckpoint(input, overrides);
  const model = networkModel(checkpoint.network, checkpoint.parameters);
  requireChannels(input, model.descriptor.channels, overrides.channels);
  if (format === "onnx") await saveModel(output, model);
  else await saveCheckpoint(output, checkpoint, names);
  const written = format === "pytorch" ? (names ?? publishedSource(checkpoint.network)) : "canonical";
  process.stdout.write(`${output}: ${summarise(checkpoint.network)}, ${written} names\n`);
  for (const note of provenanceNotes(checkpoint.network, checkpoint)) process.stdout.write(`${note}\n`);
  const untold = architectureOf(checkpoint.network).untold?.(checkpoint.network);
  if (format === "pytorch" && untold) {
    process.stdout.write(`A .pt doesn't hold the ${untold[0]}: build the network with ${untold[1]}\n`);
  }
}

/** Writes a graph anew, as it is deployed here or kept beside its weights, with metadata that say its range. */
async function convertGraph(input: string, { out, names, force, ...overrides }: ConvertOptions): Promise<void> {
  if (names) throw new UsageError(`${out}: an ONNX graph keeps its names; leave --names out`);
  if (!force && existsSync(out)) throw new UsageError(`${out} exists; give --force to replace it`);
  const read = await loadModel(input, overrides);
  const isStored = (await writeStoredIntegers(input, out, read, overrides)) !== undefined;
  const { model, note } = isStored ? { model: read } : await settleModel(read);
  if (!isStored) await saveModel(out, model);
  const { task, scale, channels, range } = model.descriptor;
  const images = `${channels.input} ${channels.input === 1 ? "channel" : "channels"}, range 0..${range}`;
  process.stdout.write(`${out}: ${task}${scale === 1 ? "" : ` ×${scale}`}, ${images}\n`);
  if (note !== undefined) process.stderr.write(`note: ${message(note)}\n`);
}
