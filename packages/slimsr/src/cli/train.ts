import { UsageError } from "@slimsr/core/internal/errors.js";
import { DIV2K_MEAN, networkOptions } from "@slimsr/core/internal/networks/index.js";
import { Command, Option } from "commander";
import { train } from "../runs/compress.js";
import { givenSettings, NO_FOLDER, showRun } from "./compress.js";
import { addSettingsOptions } from "./settings-options.js";

interface Options {
  config?: string;
  out?: string;
  resume?: string;
  json?: true;
  architecture?: string;
  features?: string;
  blocks?: string;
  groups?: string;
  reduction?: string;
  scale?: string;
  range?: string;
  resScale?: string;
  variant?: string;
}

const EXAMPLES = `
Examples:
  slimsr train --architecture edsr --scale 2 --features 64 --blocks 8 --train photos --val Kodak24 --steps 20000 --out teacher
  slimsr train --architecture rcan --scale 4 --groups 2 --blocks 4 --train photos --val Kodak24 --out teacher
  slimsr train --config teacher.json --train photos --val Kodak24 --out teacher
  slimsr train --resume teacher

A config file may hold the network too: {"network": {"architecture": "edsr", "scale": 2, "features": 64, "blocks": 8,
"resScale": 1, "mean": [114.444, 111.4605, 103.02], "range": 255}, "steps": 20000}. The run's folder is as that of
slimsr compress; student-w1.safetensors in it is the network.`;

/** \`slimsr train\`: a full-width network from random weights, to be compressed later. */
export function trainCommand(): Command {
  const command = new Command("train")
    .option("--out <folder>", "the run's folder")
    .option("--resume <folder>", "go on with an interrupted run, with the settings it has")
    .option("--config <file>", "JSON file of settings, the network among them")
    .addOption(new Option("--architecture <name>", "what to train").choices(["edsr", "rcan", "carn"]))
    .option("--features <number>", "channels of the trunk (default: 64)")
    .option("--blocks <number>", "residual blocks (EDSR; default: 16), or blocks a group (RCAN; default: 20)")
    .option("--groups <number>", "residual groups (RCAN; default: 10)")
    .option("--reduction <number>", "how many times fewer channels RCAN's attention has within (default: 16)")
    .option("--json", "print JSON");
  const left = ["teacher", "width", "method", "init", "teacherWeights", "split", "calibrationPatches"] as const;
  const contrastive = [
    "lambdaTeacher",
    "lambdaAnchor",
    "lambdaContrastive",
    "contrastiveSchedule",
    "taps",
    "lambdaDistillation",
    "negatives",
    "contrasted",
    "ratio",
    "vgg",
    "vggInput",
  ] as const;
  return addSettingsOptions(command, [...left, ...contrastive])
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run({ out, resume, config, ...options }: Options): Promise<void> {
  const json = options.json ?? false;
  if (resume !== undefined) return showRun((hooks) => train({ resume }, hooks), json);
  if (out === undefined) throw new UsageError(NO_FOLDER);
  const { scale, resScale, range, variant, network: configured, ...settings } = await givenSettings(config, options);
  const network = options.architecture === undefined ? configured : networkFrom(options);
  if (!network)
    throw new UsageError("say what to train: --architecture edsr, rcan or carn, or a --config with a network");
  await showRun((hooks) => train({ out, settings: { ...settings, network }, source: config }, hooks), json);
}

function networkFrom({ architecture, features = "64", blocks, groups = "10", reduction = "16", ...rest }: Options) {
  const { scale, range = "255", resScale = "1", variant = "original" } = rest;
  if (scale === undefined) throw new UsageError("say how much it magnifies: --scale 2, 3 or 4");
  const common = {
    architecture,
    scale: Number(scale),
    features: Number(features),
    mean: [...DIV2K_MEAN],
    range: Number(range),
  };
  const own = {
    edsr: { blocks: Number(blocks ?? "16"), resScale: Number(resScale) },
    rcan: { blocks: Number(blocks ?? "20"), groups: Number(groups), reduction: Number(reduction) },
    carn: { variant },
  }[architecture ?? ""];
  const parsed = networkOptions.safeParse({ ...common, ...own });
  if (parsed.success) return parsed.data;
  throw new UsageError(parsed.error.issues.map(({ path, message }) => `--${path.join(".")}: ${message}`).join("; "));
}
