import { Command } from "commander";
import { type PrepareOptions, prepareBenchmark } from "../datasets/prepare.js";
import { message } from "../text/visible.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { positiveInteger, scales } from "./values.js";

interface Options extends Pick<PrepareOptions, "skipBad" | "maxPixels"> {
  hr: string;
  scale: number[];
  out: string;
  json?: true;
}

/** `slimsr prepare`: LR images for a folder of HR images, in the benchmarks' layout. */
export function prepareCommand(): Command {
  return new Command("prepare")
    .requiredOption("--hr <folder>", "HR images (PNG, JPEG, WebP, TIFF, AVIF, BMP), in subfolders too")
    .requiredOption("--scale <list>", "scales, separated by commas, such as 2,3,4", scales)
    .requiredOption("--out <folder>", "where HR/name.png and LR_bicubic/X2/namex2.png are written")
    .option("--skip-bad", "go on without images that cannot be used, and list them")
    .option("--max-pixels <number>", "largest image to accept, in pixels (default: 52 million)", positiveInteger)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  slimsr prepare --hr photos --scale 2,3,4 --out photos-sr\n" +
        "  slimsr prepare --hr Urban100/HR --scale 4 --out Urban100    (adds LR_bicubic/X4 beside HR)",
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
