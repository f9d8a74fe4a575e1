import { OVERRIDES } from "@slimsr/core/internal/checkpoints/overrides.js";
import { architectureOf, descriptionOf, type NetworkOptions } from "@slimsr/core/internal/networks/index.js";
import type { Command } from "commander";
import type * as z from "zod";
import { flagOf } from "../text/expectation.js";
import { argumentOf, checkedValue } from "./schema-options.js";

/** Add the options of `Overrides` to a command that reads checkpoints: what the files may leave unsaid. */
export function addOverrideOptions(command: Command): Command {
  for (const [key, schema] of Object.entries<z.core.$ZodType>(OVERRIDES)) {
    command.option(flagOf(key) + argumentOf(schema), descriptionOf(schema), (text) => checkedValue(text, schema));
  }
  return command;
}

/** "EDSR ×2, 8 blocks of 64 features". */
export function summarise(network: NetworkOptions): string {
  const architecture = architectureOf(network);
  return `${architecture.title} ×${network.scale}, ${architecture.summarise(network)}`;
}
