import { OVERRIDES } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { Command } from "commander";
import type { Exchange } from "../exchange/exchange.js";
import { train } from "../runs/compress.js";
import { givenSettings, NO_FOLDER, resuming, showRun } from "./compress.js";
import { addFormatOptions, type FormatOptions } from "./formats.js";
import { addNetworkOptions, architectureNames, networkFrom } from "./network-options.js";
import type { SettingKey } from "./setting-defaults.js";
import { addSettingsOptions } from "./settings-options.js";
import { together } from "./together.js";

interface Options extends FormatOptions {
  config?: string;
  out?: string;
  resume?: string;
}

/** Settings of a teacher and its students, which there are none of. */
const LEFT: readonly SettingKey[] = [
  ...([
    "teacher",
    "width",
    "budget",
    "macs",
    "ms",
    "at",
    "method",
    "bits",
    "activationBits",
    "lambdaAttention",
    "init",
    "teacherWeights",
    "split",
    "merge",
    "calibrationPatches",
  ] as const),
  ...([
    "lambdaTeacher",
    "lambdaAnchor",
    "lambdaContrastive",
    "contrastiveSchedule",
    "taps",
    "lambdaDistillation",
  ] as const),
  "keepOutputs",
  ...(["negatives", "contrast", "negativesFrom", "memoryBank", "contrasted", "ratio", "vgg", "vggInput"] as const),
  ...(Object.keys(OVERRIDES) as SettingKey[]),
];

const EXAMPLES = `
Examples:
  slimsr train --architecture edsr --scale 2 --features 64 --blocks 8 --train assets/calibration --val assets/held-out/Kodak --out edsr
  slimsr train --architecture rcan --scale 4 --groups 2 --blocks 4 --train assets/calibration --val assets/held-out/Kodak --steps 20000 --out rcan
  slimsr train --architecture edsr --scale 2 --features 32 --blocks 8 --tutor assets/teachers/edsr_r8f64_x2.safetensors \\
    --train assets/calibration --val assets/held-out/Kodak --out edsr32
  slimsr train --architecture edsr --scale 4 --features 64 --blocks 8 --pretrained assets/teachers/edsr_r8f64_x2.safetensors \\
    --train assets/calibration --val assets/held-out/Kodak --out edsr4
  slimsr train --resume edsr

--config FILE may hold the network too: {"network": {"architecture": "edsr", "scale": 2, "features": 64, "blocks": 8,
"resScale": 1, "mean": [114.444, 111.4605, 103.02], "range": 255}, "steps": 20000}. The run's folder is as that of
slimsr compress; student-w1.safetensors in it is the network.`;

/** \`slimsr train\`: a full-width network from random weights, to be compressed later. */
export function trainCommand(): Command {
  const command = new Command("train")
    .option("--out <folder>", "the run's folder")
    .option("--resume <folder>", "go on with an interrupted run, with the settings it has")
    .option("--config <file>", "JSON file of settings, the network among them");
  return addSettingsOptions(addFormatOptions(addNetworkOptions(command)), LEFT)
    .addHelpText("after", EXAMPLES)
    .action(run);
}

const run = (options: Options, command: Command): Promise<void> =>
  together((exchange, signal) => runTogether(options, command, exchange, signal));

async function runTogether(
  { out, resume, config, ...options }: Options,
  command: Command,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<void> {
  if (resume !== undefined) {
    const request = resuming(command, resume);
    return showRun((hooks) => train(request, hooks), options, exchange, signal);
  }
  if (out === undefined) throw new UsageError(NO_FOLDER);
  const { network: configured, ...settings } = await givenSettings(config, options, LEFT);
  const network = networkFrom(options as Record<string, unknown>) ?? configured;
  if (!network) {
    throw new UsageError(`say what to train: --architecture ${architectureNames()}, or a --config with a network`);
  }
  const request = { out, settings: { ...settings, network }, source: config };
  await showRun((hooks) => train(request, hooks), options, exchange, signal);
}
