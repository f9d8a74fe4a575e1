import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { Command, Option } from "commander";
import { addOverrideOptions } from "./checkpoint-options.js";
import { required } from "./required.js";
import { quality } from "./values.js";

/** What commands take that write a network as it is deployed. */
export interface DeploymentOptions extends Overrides {
  out: string;
  quality?: number;
  force?: true;
  json?: true;
}

/**
 * A command of a model that writes it as it is deployed; `addWritingOptions` goes behind its own options.
 * @param out what it writes, with an example
 */
export function deploymentCommand(name: string, out: string): Command {
  const command = new Command(name).argument("<model>", "checkpoint: .safetensors, .pt or .pth; or .onnx of anyone's");
  required(command, new Option("-o, --out <file>", out));
  return command.addOption(
    new Option(
      "--quality <width>",
      "share of every layer's channels, of a file that holds several widths (default: its widest)",
    ).argParser(quality),
  );
}

export const addWritingOptions = (command: Command): Command =>
  addOverrideOptions(command.option("--force", "replace OUT if it exists").option("--json", "print JSON"));
