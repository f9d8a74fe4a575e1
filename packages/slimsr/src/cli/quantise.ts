import { overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { quantisedFile } from "@slimsr/core/internal/formats/model-file.js";
import { type Command, Option } from "commander";
import { DEGRADATIONS } from "../degradations/degradation.js";
import { atQuality } from "../deployment/quality.js";
import { toJson } from "../files/json.js";
import { writeBytes } from "../files/models.js";
import { TARGETS, type Target } from "../quantisation/processor.js";
import { quantiseVerified, type VerifiedQuantised } from "../quantisation/verified.js";
import { TOLERANCE } from "../quantisation/verify.js";
import { bytes, milliseconds } from "../text/numbers.js";
import { renderTable } from "../text/table.js";
import { message } from "../text/visible.js";
import { addWritingOptions, type DeploymentOptions, deploymentCommand } from "./deployment-options.js";
import { requireDeploymentPlace } from "./deployment-place.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { bits, decibels, degradation, patches, threads } from "./values.js";

interface Options extends DeploymentOptions {
  train?: string;
  trainInput?: string;
  degrade?: string;
  calibrationPatches?: number;
  bits?: number;
  target?: Target;
  keepFloat?: string[];
  maxLoss?: number;
  threads?: number;
}

const EXAMPLES = `
Examples:
  slimsr quantise assets/teachers/edsr_r8f64_x2.safetensors --out edsr_x2-int8.onnx
  slimsr quantise assets/slim/edsr_r8f64_x2.safetensors --quality 0.5 --train assets/calibration --calibration-patches 96 --out half-int8.onnx
  slimsr quantise assets/slim/edsr_r8f64_x2.safetensors --quality 0.25 --max-loss 0.05 --out quarter-int8.safetensors
  slimsr quantise student.onnx --keep-float body_conv --target any --out student-int8.onnx

An .onnx is standard ONNX (opset 17, QuantizeLinear and DequantizeLinear): activations are uint8, weights int8 with a scale for each filter. Weights of
up to 4 bits are int4 (opset 21), for a download of half the size: engines make bytes of them when they read the file, and are as fast; PSNR falls. A
.safetensors holds the same integers (int4 two a byte) and the graph, for slimsr, its upscaler and other readers; slimsr export writes the .onnx of it.
Either is for processors and WASM; GPUs have no such convolutions. What is linear in the image from input to output stays in float, and the rest
alone, which is small, is quantised. An output that no such path leads to is in whole levels, as 8-bit images are.
It is measured on patches of the calibration images that it wasn't calibrated on, and the engine's output is compared with the same roundings
computed in float: ${TOLERANCE} levels of 255, root mean square, may lie between, or 1.5 times what the roundings change themselves.
Products are added up in 16 bits where a processor has no VNNI (x86): weights then have 7 bits, unless --target vnni says that the file is
for others.`;

/** \`slimsr quantise MODEL --out FILE\`: a network in integers of 8 bits. */
export function quantiseCommand(): Command {
  const command = deploymentCommand("quantise", "file to write, such as student-int8.onnx, or .safetensors")
    .option("--train <folder>", "images to calibrate on (default: photographs that come with slimsr)")
    .option("--train-input <folder>", "their inputs, by the same names, where they aren't made of them")
    .addOption(
      new Option("--degrade <steps>", `how inputs are made of images: ${DEGRADATIONS} (default: bicubic)`).argParser(
        degradation,
      ),
    )
    .addOption(
      new Option("--calibration-patches <number>", "patches of 32×32 input pixels to calibrate on")
        .argParser(patches)
        .default(48),
    )
    .option(
      "--bits <number>",
      "bits of weights, 2 to 8; up to 4 are packed, two weights a byte (default: 8, or 7)",
      bits,
    )
    .addOption(
      new Option("--target <processors>", "what the file is for: those with VNNI, or any (default: this one)").choices(
        TARGETS,
      ),
    )
    .option(
      "--keep-float <layer...>",
      "layers, by their weights' names, or nodes, by their outputs', that stay in float",
    )
    .option(
      "--max-loss <dB>",
      "keep what adds most noise in float until no more is lost on patches of the calibration images, such as 0.1",
      decibels,
    )
    .option("--threads <number>", "threads within an operator where it is measured (default: all cores)", threads);
  return addWritingOptions(command).addHelpText("after", EXAMPLES).action(writeIntegers);
}

/** Quantises a model, writes it and prints what it is worth. */
export async function writeIntegers(file: string, options: Options): Promise<void> {
  const { out, quality, train, trainInput, degrade, force, json, keepFloat, bits, target, threads, maxLoss } = options;
  requireDeploymentPlace(out, file, { endings: [".onnx", ".safetensors"], force });
  if (trainInput !== undefined && train === undefined) {
    throw new UsageError("--train-input holds the inputs of the images in --train; name those too");
  }
  const made = await interruptible(async (signal) => {
    const quantised = await quantiseVerified(await atQuality(file, overridesOf(options), quality), {
      ...(train !== undefined && { calibration: train }),
      ...(trainInput === undefined ? { degrade } : { input: trainInput }),
      ...(bits !== undefined && { bits }),
      ...(keepFloat && { keepFloat }),
      ...(options.calibrationPatches !== undefined && { patches: options.calibrationPatches }),
      ...{ target, threads, maxLoss, stage: withProgress, signal },
      note: (text) => process.stderr.write(`note: ${message(text)}\n`),
    });
    const written = quantisedFile(quantised.onnx, out);
    await writeBytes(out, written);
    return { ...quantised, fileBytes: written.length };
  });
  process.stdout.write(json ? `${toJson(reportOf(file, out, made), 2)}\n` : show(out, made));
  for (const note of made.notes) process.stderr.write(`note: ${note}\n`);
}

type Written = VerifiedQuantised & { readonly fileBytes: number };

function reportOf(file: string, out: string, made: Written) {
  const { bits, convolutions, border, seconds, verification, kept, notes, fileBytes, float, descriptor } = made;
  return {
    ...{ file, out, bits, convolutions, border, seconds, size: descriptor.size },
    bytes: { float: float.length, integer: fileBytes },
    ...verification,
    ...(kept && { kept }),
    notes,
  };
}

interface Row {
  readonly name: string;
  readonly psnr: number;
  readonly time: number;
  readonly bytes: number;
}

function show(out: string, { bits, convolutions, border, seconds, verification, fileBytes, float }: Written): string {
  const { psnr, milliseconds: times, integerNodes, size, difference } = verification;
  const rows: Row[] = [
    { name: "float", psnr: psnr.float, time: times.float, bytes: float.length },
    { name: "integer", psnr: psnr.integer, time: times.integer, bytes: fileBytes },
  ];
  const table = renderTable<Row>(
    [
      { title: "", value: ({ name }) => name },
      { title: "PSNR of patches", value: (row) => row.psnr, show: (value) => value.toFixed(3) },
      { title: `${size.width}×${size.height} input`, value: ({ time }) => time, show: milliseconds },
      { title: "speed-up", value: ({ time }) => times.float / time, show: (factor) => `×${factor.toFixed(2)}` },
      { title: "file", value: (row) => row.bytes, show: bytes },
    ],
    rows,
    "text",
  );
  const nodes = Object.entries(integerNodes).map(([name, count]) => `${count} ${name}`);
  const repeated = border === 0 ? "" : `At each side of the output ${border} px repeat the next within\n`;
  return (
    `${message(out)}: weights of ${bits} bits, ${convolutions.integer} of ${convolutions.all} convolutions in integers, made in ${seconds.toFixed(1)} s\n\n` +
    `${table}\nThe engine computes with integers: ${nodes.join(", ") || "nothing"}\n` +
    `It differs from the same roundings in float by ${difference.rms.toFixed(3)} levels of 255 (root mean square; largest ${difference.largest.toFixed(1)})\n${repeated}`
  );
}
