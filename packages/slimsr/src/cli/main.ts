#!/usr/bin/env node
import { SlimsrError } from "@slimsr/core/internal/errors.js";
import { Command } from "commander";
import { ablateCommand } from "./ablate.js";
import { compressCommand } from "./compress.js";
import { convertCommand } from "./convert.js";
import { evaluateCommand } from "./evaluate.js";
import { inspectCommand } from "./inspect.js";
import { parityCommand } from "./parity.js";
import { prepareCommand } from "./prepare.js";
import { slimCommand } from "./slim.js";

import { trainCommand } from "./train.js";

const program = new Command("slimsr").description("make super-resolution networks small and fast");
for (const command of [
  inspectCommand(),
  convertCommand(),
  parityCommand(),
  prepareCommand(),
  evaluateCommand(),
  slimCommand(),
  compressCommand(),
  trainCommand(),
  ablateCommand(),
])
  program.addCommand(command);

// A file that may not grow any more is an error of the write, which is told, not the process' end.
process.on("SIGXFSZ", () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof SlimsrError)) throw error;
  process.stderr.write(`slimsr: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
