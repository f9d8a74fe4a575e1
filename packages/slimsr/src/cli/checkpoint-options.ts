import { type NetworkOptions, SCALES, type Scale } from "@slimsr/core/internal/networks/options.js";
import { type Command, InvalidArgumentError } from "commander";

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

function oneOf<Choice extends string | number>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => String(each) === text);
    if (choice === undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return choice;
  };
}

function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new InvalidArgumentError("It must be a number, such as 0.1.");
  return value;
}
