import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SlimsrError, UsageError } from "@slimsr/core/internal/errors.js";
import { DEVICES, type Device } from "@slimsr/upscaler/internal/engine/session.js";
import { Command, Option } from "commander";
import { toJson } from "../files/json.js";
import { readCase } from "../parity/case.js";
import { type Comparison, compareCase, passes, type Quantity, TOLERANCES } from "../parity/compare.js";

interface ParityOptions {
  device: Device;
  only?: string[];
  json?: boolean;
}

const EXAMPLES = `
Examples:
  slimsr parity test/fixtures/golden
  slimsr parity test/fixtures/golden --only edsr_x4_joint carn_x4 --device webgpu`;

/** Compares whole training steps with what a reference implementation wrote down. */
export function parityCommand(): Command {
  return new Command("parity")
    .argument("<dir>", "folder of cases")
    .addOption(new Option("--device <device>", "where to run").choices(DEVICES).default("cpu"))
    .option("--only <case...>", "these cases only")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action(runParity);
}

async function runParity(folder: string, { device, only, json }: ParityOptions): Promise<void> {
  const names = await caseNames(folder, only);
  const results: ({ case: string; passed: boolean } & Comparison)[] = [];
  for (const name of names) {
    const comparison = await compareCase(await readCase(join(folder, `${name}.json`)), { device });
    const passed = passes(comparison);
    results.push({ case: name, passed, ...comparison });
    if (!json) process.stdout.write(`${describe(name, comparison, passed)}\n`);
  }
  if (json) process.stdout.write(`${toJson(results, 2)}\n`);
  const failed = results.filter(({ passed }) => !passed).length;
  if (failed > 0) throw new SlimsrError(`${failed} of ${results.length} cases are past the tolerances`);
}

async function caseNames(folder: string, only: readonly string[] | undefined): Promise<string[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${folder} can't be listed (${error.code}); name a folder of cases`);
  });
  const names = files.filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -".json".length));
  if (names.length === 0) throw new UsageError(`${folder} holds no case: no .json file`);
  const missing = only?.filter((name) => !names.includes(name)) ?? [];
  if (missing.length > 0)
    throw new UsageError(`no case ${missing.join(", ")} in ${folder}; it has ${names.join(", ")}`);
  return names.filter((name) => !only || only.includes(name)).sort();
}

function describe(name: string, comparison: Comparison, passed: boolean): string {
  const quantities = (Object.keys(TOLERANCES) as Quantity[]).map((quantity) => {
    const { error, rounding, tensor, passed: within } = comparison[quantity];
    const shown = `${quantity} ${error.toExponential(1)}`;
    if (!within) return `${shown} (${tensor}, past ${TOLERANCES[quantity]})`;
    return rounding > 0 ? `${shown} (${tensor}, within its rounding of ${rounding.toExponential(1)})` : shown;
  });
  return `${passed ? "ok  " : "FAIL"} ${name.padEnd(16)} ${quantities.join("  ")}`;
}
