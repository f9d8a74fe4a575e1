import { UsageError } from "@slimsr/core/internal/errors.js";
import { Command, Option } from "commander";
import { type PrepareOptions, prepareBenchmark } from "../datasets/prepare.js";
import { DEGRADATIONS, parseDegradation } from "../degradations/degradation.js";
import { message } from "../text/visible.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import { shardIn, shardOption } from "./shard.js";
import { degradation, pixels, scales } from "./values.js";

interface Options extends Pick<PrepareOptions, "skipBad" | "maxPixels" | "degrade"> {
  hr: string;
  scale?: number[];
  out: string;
  shard?: string;
  json?: true;
}

/** `slimsr prepare`: LR images for a folder of HR images, in the benchmarks' layout. */
export function prepareCommand(): Command {
  const command = new Command("prepare");
  required(command, new Option("--hr <folder>", "HR images (PNG, JPEG, WebP, TIFF, AVIF, BMP), in subfolders too"));
  required(command, new Option("--out <folder>", "where HR/name.png and LR_bicubic/X2/namex2.png are written"));
  return command
    .option("--scale <list>", "scales, separated by commas, such as 2,3,4; none where images keep their size", scales)
    .addOption(
      new Option(
        "--degrade <steps>",
        `how inputs are made, written as LR/X2/namex2.png or LR/name.png, 8 bits a sample, clipped: ${DEGRADATIONS} (default: bicubic)`,
      ).argParser(degradation),
    )
    .addOption(shardOption("images"))
    .option("--skip-bad", "go on without images that cannot be used, and list them")
    .option("--max-pixels <number>", "largest image to accept, in pixels (default: 52 million)", pixels)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  slimsr prepare --hr assets/calibration --scale 2,3,4 --out photographs\n" +
        "  slimsr prepare --hr photographs/HR --scale 8 --out photographs    # adds LR_bicubic/X8 beside HR\n" +
        "  slimsr prepare --hr assets/calibration --degrade jpeg:40 --out compressed",
    )
    .action(prepare);
}

async function prepare({ hr, scale: given, out, json, shard, ...options }: Options): Promise<void> {
  const scale = scalesFor(given, options.degrade);
  const { written, skipped } = await interruptible((signal) =>
    withProgress("prepare", "images", (onProgress) =>
      prepareBenchmark(hr, scale, out, { ...options, shard: shardIn(shard), signal, onProgress }),
    ),
  );
  if (json) {
    process.stdout.write(`${JSON.stringify({ out, scales: scale, images: written, skipped }, undefined, 2)}\n`);
    return;
  }
  const images = `${written.length} ${written.length === 1 ? "image" : "images"}`;
  const made = options.degrade === undefined ? "" : `, ${options.degrade}`;
  process.stdout.write(`${out}: ${images}, ${given ? `LR at ×${scale.join(", ×")}` : "inputs of their size"}${made}\n`);
  for (const { reason } of skipped) process.stderr.write(`skipped ${message(reason)}\n`);
}

/** @throws UsageError where images are to be reduced and nothing says by how much, or the other way round */
function scalesFor(given: number[] | undefined, degrade: string | undefined): number[] {
  const steps = degrade === undefined ? undefined : parseDegradation(degrade).stored;
  const isReduced = steps === undefined || steps.some(({ kind }) => kind === "bicubic");
  if (given && isReduced) return given;
  if (given) {
    throw new UsageError(
      `${degrade} leaves images as large as they are: leave --scale out, or reduce them too: bicubic+${degrade}`,
    );
  }
  if (isReduced) throw new UsageError("say by how much images are reduced: --scale 2,3,4");
  return [1];
}
