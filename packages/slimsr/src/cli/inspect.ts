import { basename } from "node:path";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { widthOf } from "@slimsr/core/internal/checkpoints/shapes.js";
import { CheckpointError, SlimsrError, UsageError } from "@slimsr/core/internal/errors.js";
import { mergedCost } from "@slimsr/core/internal/export/deployable.js";
import { showDimensions } from "@slimsr/core/internal/graph/types.js";
import { type Cost, HD_OUTPUT, modelCost } from "@slimsr/core/internal/model/cost.js";
import { colourSpaceOf, type Descriptor } from "@slimsr/core/internal/model/descriptor.js";
import { requireChannels } from "@slimsr/core/internal/model/image-network.js";
import { channelAnalysis, type Model, networkModel } from "@slimsr/core/internal/model/model.js";
import { narrowed } from "@slimsr/core/internal/model/split.js";
import { architectureOf, type NetworkOptions } from "@slimsr/core/internal/networks/index.js";
import { Command } from "commander";
import { settleModel } from "../calibration/settle-range.js";
import { type LoadedCheckpoint, loadCheckpoint, loadVgg19 } from "../files/checkpoints.js";
import { holdsGraph, loadModel } from "../files/models.js";
import { operations } from "../text/numbers.js";
import { aligned } from "../text/table.js";
import { inLine } from "../text/visible.js";
import { type GroupSummary, groupRows, summariseGroups } from "./channel-groups.js";
import { addOverrideOptions, summarise } from "./checkpoint-options.js";

interface InspectOptions extends Overrides {
  json?: true;
  layers?: true;
  groups?: true;
}

/** A checkpoint's facts, as `--json` prints them. */
interface Inspection {
  file: string;
  source: string;
  /** What stands before the network's names, as "params_ema", if anything does. */
  within?: string;
  averaged?: true;
  network: NetworkOptions;
  /** Options that the file doesn't tell. */
  assumed: readonly string[];
  /** Share of the network's channels that the file holds. */
  width: number;
  parameters: number;
  /** Multiply-accumulates for a 1280×720 output. */
  macs: number;
  /** Both of the network as `slimsr export` writes it, its linear stretches merged. */
  merged: Pick<Cost, "parameters" | "macs">;
  widths?: { width: number; parameters: number; macs: number }[];
  layers?: Cost["layers"];
  groups?: GroupSummary[];
}

/** An ONNX model's facts, as `--json` prints them. */
interface OnnxInspection {
  file: string;
  task: Descriptor["task"];
  scale: number;
  channels: Descriptor["channels"];
  /** Null where nothing says it and running the network doesn't tell. */
  range: Descriptor["range"] | null;
  /** How the range was found, or why it wasn't; left out where the file says it. */
  rangeNote?: string;
  /** Sizes of images that it takes. */
  size: Descriptor["size"];
  /** How it differs from the file. */
  notes?: readonly string[];
  parameters: number;
  /** Multiply-accumulates for a 1280×720 output. */
  macs: number;
  /** Both of the network as `slimsr export` writes it, its linear stretches merged. */
  merged: Pick<Cost, "parameters" | "macs">;
  groups: GroupSummary[];
  /** Nodes that keep channels from being dropped. */
  pins: readonly { operator: string; output: string; channels: number; reason: string }[];
}

/** `slimsr inspect FILE`: what a checkpoint holds and what it costs to run. */
export function inspectCommand(): Command {
  const command = new Command("inspect")
    .argument("<file>", "checkpoint: .safetensors, .pt or .pth; or .onnx")
    .option("--layers", "list the layers")
    .option("--groups", "list the groups of channels that are tied together, and what is free on each")
    .option("--json", "print JSON");
  return addOverrideOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  slimsr inspect assets/teachers/edsr_r8f64_x2.safetensors\n  slimsr inspect assets/slim/carn_x2.safetensors --layers\n  slimsr inspect assets/slim/carn_x2.safetensors --groups\n  slimsr inspect assets/vgg19/vgg19-int8.safetensors --json",
    )
    .action(inspect);
}

async function inspect(file: string, { json, layers, groups, ...overrides }: InspectOptions): Promise<void> {
  if (await holdsGraph(file)) {
    if (layers) throw new UsageError(`${file} is an ONNX model; --layers lists a checkpoint's`);
    const inspection = await examineOnnx(file, overrides);
    process.stdout.write(json ? `${JSON.stringify(inspection, undefined, 2)}\n` : reportOnnx(inspection));
    return;
  }
  let checkpoint: LoadedCheckpoint;
  try {
    checkpoint = await loadCheckpoint(file, overrides);
  } catch (error) {
    if (!(error instanceof CheckpointError) || !(await inspectVgg19(file, json))) throw error;
    return;
  }
  requireChannels(
    file,
    networkModel(checkpoint.network, checkpoint.parameters).descriptor.channels,
    overrides.channels,
  );
  const inspection = examine(file, checkpoint, layers ?? false, groups ?? false);
  process.stdout.write(json ? `${JSON.stringify(inspection, undefined, 2)}\n` : report(inspection));
}

function examine(
  file: string,
  { network, parameters, widths, source, within, averaged, assumed }: LoadedCheckpoint,
  layers: boolean,
  groups: boolean,
): Inspection {
  const model = networkModel(network, parameters);
  const cost = modelCost(model);
  return {
    file,
    source,
    ...(within !== "" && { within }),
    ...(averaged && { averaged }),
    network,
    assumed,
    width: widthOf(network, parameters),
    parameters: cost.parameters,
    macs: cost.macs,
    merged: mergedOf(model),
    ...(widths && {
      widths: widths.map((width) => {
        const { parameters, macs } = modelCost(narrowed(model, width));
        return { width, parameters, macs };
      }),
    }),
    ...(layers && { layers: cost.layers }),
    ...(groups && { groups: summariseGroups(channelAnalysis(model).groups) }),
  };
}

async function examineOnnx(file: string, overrides: Overrides): Promise<OnnxInspection> {
  const model = await loadModel(file, overrides);
  const { parameters, descriptor } = model;
  const { task, scale, channels, size, origin } = descriptor;
  return {
    ...{ file, task, scale, channels },
    ...(await rangeOf(model)),
    size,
    ...(origin.kind === "onnx" && origin.notes && { notes: origin.notes }),
    parameters: [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    macs: modelCost(model).macs,
    merged: mergedOf(model),
    groups: summariseGroups(channelAnalysis(model).groups),
    pins: channelAnalysis(model).pins.map(({ node, reason, channels }) => ({
      operator: node.operator.name,
      output: node.outputs[0]?.name ?? "",
      channels,
      reason,
    })),
  };
}

function mergedOf(model: Model): Pick<Cost, "parameters" | "macs"> {
  const { parameters, macs } = mergedCost(model);
  return { parameters, macs };
}

/** The range as working with the model would settle it; that it can't be is no reason not to say the rest. */
async function rangeOf(model: Model): Promise<Pick<OnnxInspection, "range" | "rangeNote">> {
  try {
    const { isFound, note, ...settled } = await settleModel(model);
    const { range } = settled.model.descriptor;
    const rangeNote = isFound ? "found by running it" : note;
    return { range, ...(rangeNote !== undefined && { rangeNote }) };
  } catch (error) {
    if (!(error instanceof SlimsrError)) throw error;
    return { range: null, rangeNote: error.message };
  }
}

const COLOURS = { rgb: "RGB", luma: "luma", grey: "grey" } as const;

function reportOnnx(inspection: OnnxInspection): string {
  const { file, task, scale, channels, range, rangeNote, size, notes = [], groups, pins } = inspection;
  const known = range === null ? "not known" : `0..${range}`;
  return `${facts([
    ["file", basename(file)],
    ["task", scale === 1 ? task : `${task} ×${scale}`],
    ["images", COLOURS[colourSpaceOf({ channels, scale })]],
    ["range", rangeNote === undefined ? known : `${known} (${rangeNote})`],
    ["sizes", showSizes(size)],
    ...costRows(inspection),
    ...notes.map((note) => ["note", note]),
    ...pins.map(({ channels, reason }) => ["pinned", `${channels} channels: ${inLine(reason)}`]),
  ])}\n\n${table(groupRows(groups))}\n`;
}

/** What a network costs, and what it does once it is merged where that is another. */
function costRows({ parameters, macs, merged }: Pick<Inspection, "parameters" | "macs" | "merged">): string[][] {
  return [
    ["parameters", parameters.toLocaleString("en")],
    ["MACs", `${operations(macs)} for a ${HD_OUTPUT.width}×${HD_OUTPUT.height} output`],
    ...(merged.macs < macs
      ? [["exported", `${merged.parameters.toLocaleString("en")} parameters, ${operations(merged.macs)} MACs`]]
      : []),
  ];
}

/** "multiples of 8 pixels a side, from 16" */
function showSizes({ minimum, multipleOf, fixed }: Descriptor["size"]): string {
  if (fixed) return `${fixed.width}×${fixed.height} alone`;
  const sides = multipleOf === 1 ? "any" : `multiples of ${multipleOf} pixels a side`;
  return minimum > multipleOf ? `${sides}, from ${minimum}` : sides;
}

function report(inspection: Inspection): string {
  const { file, source, network, width, widths, layers, groups } = inspection;
  const { within, averaged, assumed } = inspection;
  const known = (value: string, option = "") => (assumed.includes(option) ? `${value} (assumed)` : value);
  const rows = [
    ["file", basename(file)],
    ["network", summarise(network)],
    ["names", source],
    ...(within === undefined ? [] : [["weights", averaged ? `averaged, of ${within}` : `of ${within}`]]),
    ...architectureOf(network)
      .facts(network)
      .map(([label, value, option]) => [label, known(value, option)]),
    ...("mean" in network
      ? [["mean", known(`${network.mean.map((value) => value.toFixed(2)).join(", ")} of 255`, "mean")]]
      : []),
    ["range", known(`0..${network.range}`, "range")],
    ...(width < 1 ? [["width", String(width)]] : []),
    ...costRows(inspection),
  ];
  const sections = [facts(rows)];
  if (widths) {
    sections.push(
      table([
        ["width", "parameters", "MACs"],
        ...widths.map((each) => [String(each.width), each.parameters.toLocaleString("en"), operations(each.macs)]),
      ]),
    );
  }
  if (layers) {
    sections.push(
      table([
        ["layer", "weights", "parameters", "MACs"],
        ...layers.map(({ name, shape, parameters, macs }) => [
          name,
          showDimensions(shape),
          parameters.toLocaleString("en"),
          operations(macs),
        ]),
      ]),
    );
  }
  if (groups) sections.push(table(groupRows(groups)));
  return `${sections.join("\n\n")}\n`;
}

const facts = (rows: readonly (readonly string[])[]): string =>
  rows.map(([label = "", value = ""]) => `${label.padEnd(16)}${inLine(value)}`).join("\n");

/** VGG19, which the contrastive loss needs, is a checkpoint too, though not of a network to slim. */
async function inspectVgg19(file: string, json: true | undefined): Promise<boolean> {
  try {
    const { convolutions, mean } = await loadVgg19(file);
    const parameters = convolutions.reduce((sum, { weight, bias }) => sum + weight.data.length + bias.data.length, 0);
    process.stdout.write(
      json
        ? `${JSON.stringify({ file, network: { architecture: "vgg19", mean }, parameters }, undefined, 2)}\n`
        : `${inLine(basename(file))} holds VGG19 for the contrastive loss: conv1_1 to conv5_1, ` +
            `${parameters.toLocaleString("en")} parameters, subtracted colour ${mean.join(", ")}\n`,
    );
    return true;
  } catch {
    return false;
  }
}

/** Columns, the first to the left and the others to the right. */
const table = (rows: readonly (readonly string[])[]): string => aligned(rows, (column) => column > 0).join("\n");
