import { type NetworkOptions, SCALES, type Scale } from "@slimsr/core/internal/networks/options.js";
import type { Command } from "commander";
import { finiteNumber, oneOf } from "./values.js";

/** Add the options of `Overrides` to a command that reads checkpoints: what the files may leave unsaid. */
export function addOverrideOptions(command: Command): Command {
  return command
    .option("--scale <scale>", "magnification, where a checkpoint has several", oneOf<Scale>(SCALES))
    .option("--res-scale <factor>", "EDSR's factor on residual branches, where the file doesn't tell", finiteNumber)
    .option("--range <maximum>", "pixel values inside the network go up to 255 or 1", oneOf([255, 1] as const))
    .option("--variant <variant>", "CARN's variant: original or csd", oneOf(["original", "csd"] as const));
}

/** "EDSR ×2, 8 blocks of 64 features". */
export function summarise(network: NetworkOptions): string {
  const { architecture, scale, features } = network;
  const groups = architecture === "rcan" ? `${network.groups} groups of ` : "";
  const blocks = architecture === "carn" ? "" : `${network.blocks} blocks of `;
  return `${architecture.toUpperCase()} ×${scale}, ${groups}${blocks}${features} features`;
}
