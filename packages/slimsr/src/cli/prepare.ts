import { Command, Option } from "commander";
import { type PrepareOptions, prepareBenchmark } from "../datasets/prepare.js";
import { message } from "../text/visible.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import { pixels, scales } from "./values.js";

interface Options extends Pick<PrepareOptions, "skipBad" | "maxPixels"> {
  hr: string;
  scale: number[];
  out: string;
  json?: true;
}

/** `slimsr prepare`: LR images for a folder of HR images, in the benchmarks' layout. */
export function prepareCommand(): Command {
  const command = new Command("prepare");
  required(command, new Option("--hr <folder>", "HR images (PNG, JPEG, WebP, TIFF, AVIF, BMP), in subfolders too"));
  required(command, new Option("--scale <list>", "scales, separated by commas, such as 2,3,4").argParser(scales));
  required(command, new Option("--out <folder>", "where HR/name.png and LR_bicubic/X2/namex2.png are written"));
  return command
    .option("--skip-bad", "go on without images that cannot be used, and list them")
    .option("--max-pixels <number>", "largest image to accept, in pixels (default: 52 million)", pixels)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  slimsr prepare --hr assets/calibration --scale 2,3,4 --out photographs\n" +
        "  slimsr prepare --hr photographs/HR --scale 8 --out photographs    # adds LR_bicubic/X8 beside HR",
    )
    .action(prepare);
}

async function prepare({ hr, scale, out, json, ...options }: Options): Promise<void> {
  const { written, skipped } = await interruptible((signal) =>
    withProgress("prepare", "images", (onProgress) =>
      prepareBenchmark(hr, scale, out, { ...options, signal, onProgress }),
    ),
  );
  if (json) {
    process.stdout.write(`${JSON.stringify({ out, scales: scale, images: written, skipped }, undefined, 2)}\n`);
    return;
  }
  const images = `${written.length} ${written.length === 1 ? "image" : "images"}`;
  process.stdout.write(`${out}: ${images}, LR at ×${scale.join(", ×")}\n`);
  for (const { reason } of skipped) process.stderr.write(`skipped ${message(reason)}\n`);
}
