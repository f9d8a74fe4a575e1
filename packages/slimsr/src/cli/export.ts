import { overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { type Deployable, deployable } from "@slimsr/core/internal/export/deployable.js";
import { exportModel } from "@slimsr/core/internal/export/onnx.js";
import { HD_OUTPUT, modelCost } from "@slimsr/core/internal/model/cost.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { type Command, Option } from "commander";
import { settleModel } from "../calibration/settle-range.js";
import { atQuality } from "../deployment/quality.js";
import { type Difference, type Unchecked, verify } from "../deployment/verify.js";
import { toJson } from "../files/json.js";
import { writeBytes } from "../files/models.js";
import { bytes, operations, whole } from "../text/numbers.js";
import { renderTable } from "../text/table.js";
import { message } from "../text/visible.js";
import { addWritingOptions, type DeploymentOptions, deploymentCommand } from "./deployment-options.js";
import { requireDeploymentPlace } from "./deployment-place.js";
import { interruptible } from "./interrupt.js";
import { writeIntegers } from "./quantise.js";
import { type StoredIntegers, writeStoredIntegers } from "./stored-integers.js";
import { tile } from "./values.js";

interface Options extends DeploymentOptions {
  fp16?: true;
  int8?: true;
  tile?: number;
  merge: boolean;
}

/** What a network takes. */
interface Costs {
  readonly parameters: number;
  /** Multiply-accumulates for a 1280×720 output. */
  readonly macs: number;
  /** Of an ONNX file. */
  readonly bytes: number;
}

/** What was written, as `--json` prints it. */
interface Report {
  readonly file: string;
  readonly out: string;
  readonly precision: "float32" | "float16";
  readonly size: Deployable["descriptor"]["size"];
  /** As `slimsr convert` would write it. */
  readonly before: Costs;
  readonly after: Costs;
  /** Pixels at each side of the output that repeat the next ones within. */
  readonly border: number;
  /** Differences from the network that it was made of, in levels of 255. */
  readonly checks: readonly (Difference | Unchecked)[];
}

const EXAMPLES = `
Examples:
  slimsr export assets/teachers/edsr_r8f64_x2.safetensors --out deployed.onnx
  slimsr export assets/slim/edsr_r8f64_x2.safetensors --quality 0.5 --out half-width.onnx
  slimsr export assets/teachers/edsr_r8f64_x2.safetensors --fp16 --tile 128 --out edsr_x2_fp16.onnx
  slimsr export assets/slim/edsr_r8f64_x2.safetensors --quality 0.5 --int8 --out half-width-int8.onnx

The file is for any engine that reads ONNX of opset 17. Convolutions with nothing between them but pixel shuffles, and sums of
convolutions of one value, are merged where that costs fewer operations. Of a convolution behind another the border is not to be had
so: pixels there, at most as many as the scale, repeat the next ones within, and how many is printed. slimsr convert keeps all as it is.
Of a .safetensors that slimsr quantise wrote it is the .onnx that it would have written.`;

/** `slimsr export MODEL --out FILE`: a network as it is deployed. */
export function exportCommand(): Command {
  const command = deploymentCommand("export", "ONNX file to write, such as student.onnx")
    .option("--fp16", "compute in half precision; images stay in single precision")
    .option("--int8", "compute in integers of 8 bits, as slimsr quantise does, which has options of its own")
    .addOption(
      new Option("--tile <pixels>", "take one image of this height and width at a time (default: any)").argParser(tile),
    )
    .option("--no-merge", "leave convolutions as they are");
  return addWritingOptions(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(file: string, options: Options): Promise<void> {
  const { out, quality, fp16: half = false, int8, tile, merge, force, json } = options;
  if (int8) {
    if (half || tile !== undefined || !merge) {
      throw new UsageError("--int8 is by itself: integers have no half precision, take any size and are merged");
    }
    return writeIntegers(file, options);
  }
  requireDeploymentPlace(out, file, { endings: [".onnx"], force, others: "slimsr convert writes others" });
  const report = await interruptible(async (signal): Promise<Report | undefined> => {
    const read = await atQuality(file, overridesOf(options), quality);
    const changes = { ...overridesOf(options), fp16: options.fp16, tile, noMerge: merge ? undefined : true };
    const stored = await writeStoredIntegers(file, out, read, changes);
    if (stored) {
      process.stdout.write(json ? `${toJson({ file, out, ...stored }, 2)}\n` : showStored(file, out, stored));
      return undefined;
    }
    const { model, note } = await settleModel(read, { signal });
    if (note !== undefined) process.stderr.write(`note: ${message(note)}\n`);
    const made = deployable(model, { merge, half, tile });
    const checks = await verify(model, made, { half, signal });
    await writeBytes(out, made.onnx);
    return {
      ...{ file, out, precision: half ? "float16" : "float32", size: made.descriptor.size },
      before: costsBefore(model),
      after: { ...made.cost, bytes: made.onnx.length },
      ...{ border: made.border, checks },
    };
  });
  if (report) process.stdout.write(json ? `${toJson(report, 2)}\n` : show(report));
}

const showStored = (file: string, out: string, { bits, bytes: { before, after } }: StoredIntegers): string =>
  `${message(out)}: the same integers as ${message(file)}${bits === undefined ? "" : `, weights of ${bits} bits`}; ${bytes(after)}, of ${bytes(before)}\n`;

function costsBefore(model: Model): Costs {
  const { parameters, macs } = modelCost(model);
  return { parameters, macs, bytes: exportModel(model).length };
}

function show({ out, before, after, border, precision, checks }: Report): string {
  const table = renderTable<Costs & { name: string }>(
    [
      { title: "", value: ({ name }) => name },
      { title: "parameters", value: ({ parameters }) => parameters, show: whole },
      { title: `MACs for ${HD_OUTPUT.width}×${HD_OUTPUT.height}`, value: ({ macs }) => macs, show: operations },
      { title: "file", value: (row) => row.bytes, show: bytes },
    ],
    [
      { name: "before", ...before },
      { name: "exported", ...after },
    ],
    "text",
  );
  const repeated =
    border === 0
      ? ""
      : `${border} ${border === 1 ? "pixel" : "pixels"} at each side of the output ${border === 1 ? "repeats" : "repeat"} the next within\n`;
  return `${message(out)}\n\n${table}\n${repeated}${checks.map((check) => `${showCheck(check, precision)}\n`).join("")}`;
}

function showCheck(check: Difference | Unchecked, precision: Report["precision"]): string {
  if ("reason" in check) return `${check.device}: not checked: ${message(check.reason)}`;
  const { device, worst, rms, worstAtBorder } = check;
  const border = worstAtBorder === undefined ? "" : `, at the border ${levels(worstAtBorder)}`;
  const how = precision === "float16" && device === "cpu" ? " (which computes halves in single precision)" : "";
  return `${device}${how}: differs by at most ${levels(worst)} levels of 255 from the network it was made of, ${levels(rms)} in the mean square${border}`;
}

const levels = (value: number): string =>
  value >= 0.01 ? value.toFixed(2) : value === 0 ? "0" : value.toExponential(0);
