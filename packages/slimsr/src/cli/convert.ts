import { existsSync } from "node:fs";
import { publishedSource } from "@slimsr/core/internal/checkpoints/checkpoint.js";
import { SOURCES, type Source } from "@slimsr/core/internal/checkpoints/conventions.js";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { checkpointFormatOf } from "@slimsr/core/internal/formats/model-file.js";
import { architectureOf } from "@slimsr/core/internal/networks/index.js";
import { Command, Option } from "commander";
import { loadCheckpoint, saveCheckpoint } from "../files/checkpoints.js";
import { addOverrideOptions, summarise } from "./checkpoint-options.js";

interface ConvertOptions extends Overrides {
  out: string;
  names?: Source;
  force?: true;
}

/** `slimsr convert FILE --out FILE`: from any checkpoint to this project's format or to PyTorch's. */
export function convertCommand(): Command {
  const command = new Command("convert")
    .argument("<file>", "checkpoint: .safetensors, .pt or .pth")
    .requiredOption("--out <file>", "file to write: .safetensors, .pt or .pth")
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
        "  slimsr convert assets/teachers/edsr_r8f64_x2.safetensors --out csd_x2.pt --names csd",
    )
    .action(convert);
}

async function convert(input: string, { out: output, names, force, ...overrides }: ConvertOptions): Promise<void> {
  const format = checkpointFormatOf(output);
  if (names && format === "safetensors") {
    throw new UsageError(`${output}: a .safetensors always has canonical names; leave --names out, or write a .pt`);
  }
  if (!force && existsSync(output)) throw new UsageError(`${output} exists; give --force to replace it`);
  const checkpoint = await loadCheckpoint(input, overrides);
  await saveCheckpoint(output, checkpoint, names);
  const written = format === "safetensors" ? "canonical" : (names ?? publishedSource(checkpoint.network));
  process.stdout.write(`${output}: ${summarise(checkpoint.network)}, ${written} names\n`);
  const untold = architectureOf(checkpoint.network).untold?.(checkpoint.network);
  if (format === "pytorch" && untold) {
    process.stdout.write(`A .pt doesn't hold the ${untold[0]}: build the network with ${untold[1]}\n`);
  }
}
