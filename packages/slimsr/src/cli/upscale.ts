import { availableParallelism } from "node:os";
import { OVERRIDES } from "@slimsr/core/internal/checkpoints/overrides.js";
import { InterruptedError, SlimsrError, UsageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { descriptionOf } from "@slimsr/core/internal/networks/index.js";
import { DEVICES } from "@slimsr/upscaler/internal/engine/session.js";
import { IMAGE_FORMATS, type ImageFormat } from "@slimsr/upscaler/internal/images/format.js";
import { DEFAULT_MODEL } from "@slimsr/upscaler/internal/loading/shipped-models.js";
import { coreCount } from "@slimsr/upscaler/internal/node/threads.js";
import { type LoadOptions, Upscaler } from "@slimsr/upscaler/internal/node/upscaler.js";
import { Command, Option } from "commander";
import { toJson } from "../files/json.js";
import { message } from "../text/visible.js";
import { type BatchResult, type Measured, runBatch } from "../upscaling/batch.js";
import { SHOWN } from "../upscaling/compare.js";
import { findInputs, type Input, isVideo, STANDARD } from "../upscaling/inputs.js";
import { planJobs } from "../upscaling/jobs.js";
import { type Extent, extentOf } from "../upscaling/measure.js";
import { VIDEO_ENDINGS } from "../upscaling/video/join.js";
import { findFfmpeg } from "../upscaling/video/tools.js";
import { LiveBatch } from "./batch-progress.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { argumentOf, checkedValue } from "./schema-options.js";
import { shardIn, shardOption } from "./shard.js";
import { batchJson, reportBatch, requireAll } from "./upscale-report.js";
import {
  crf,
  files,
  formatQuality,
  framesPerSecond,
  longEdge,
  magnification,
  milliseconds,
  qualityOrAuto,
  size,
  threads,
} from "./values.js";

interface Options {
  out?: string;
  model: string;
  quality?: number | "auto";
  maxMs?: number;
  minFps?: number;
  scale?: number;
  size?: Size;
  longEdge?: number;
  device: NonNullable<LoadOptions["device"]>;
  strict?: true;
  format?: ImageFormat;
  formatQuality?: number;
  metadata: "keep" | "strip";
  selfEnsemble?: true;
  recursive?: true;
  skipExisting?: true;
  force?: true;
  suffix?: string;
  shard?: string;
  jobs: number;
  threads?: number;
  codec?: string;
  crf?: number;
  scaleOfModel?: number;
  channels?: 1 | 3;
  range?: 1 | 255;
  compare?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  slimsr upscale assets/held-out/Kodak/kodak-19.png -o large.png
  slimsr upscale assets/calibration -o enlarged/ --quality 0.25 --format jpeg --skip-existing
  slimsr upscale "assets/held-out/*/*.png" -o compared/ --model assets/slim/carn_x2.safetensors --quality 0.25 --scale 1.5 --compare
  slimsr upscale - -o - --format webp --quality 0.25 --long-edge 1000 < assets/calibration/kodak-01.webp > large.webp

INPUT is a file, a folder, a pattern or - for the standard input. OUT is a file where INPUT is one, else a folder, in which a folder's tree is
kept; a folder that isn't there yet ends in /. Without -o, outputs lie beside their inputs, with a suffix such as _x2. What is there is never
overwritten without --force. A file that fails doesn't stop the others: it is listed at the end, and the exit code is 1. Ctrl-C
leaves no half-written file; the same call with --skip-existing goes on.
Videos (output: ${VIDEO_ENDINGS.join(", ")}) go through ffmpeg, which is to be installed: sound, subtitles, timing and colours are kept, a rotation is applied. They are made
in parts, in OUT.parts, from which the same call goes on, even where the process was killed.
--compare writes a page beside each image, NAME.compare.html, with a slider between bicubic and upscaled, of its middle (${SHOWN.width}×${SHOWN.height} pixels at most).`;

/** `slimsr upscale INPUT... -o OUT`: images and videos, larger. */
export function upscaleCommand(): Command {
  const command = new Command("upscale")
    .argument("<input...>", "images, videos, folders, patterns, or - for the standard input")
    .option("-o, --out <path>", "file or folder to write, or - for the standard output (default: beside the input)")
    .addOption(
      new Option(
        "--model <model>",
        "a model that ships (slimsr models), a file (.safetensors, .pt, .pth, .onnx) or its address",
      ).default(DEFAULT_MODEL),
    )
    .option(
      "--quality <share>",
      "one of the model's qualities, such as 0.5, or auto (default: the best)",
      qualityOrAuto,
    )
    .option(
      "--max-ms <milliseconds>",
      "of the qualities, the best that takes an image of the inputs' size no longer",
      milliseconds,
    )
    .addOption(
      new Option("--min-fps <number>", "of the qualities, the best that makes so many images a second")
        .argParser(framesPerSecond)
        .conflicts("maxMs"),
    )
    .option("--scale <factor>", "how much larger, such as 1.5 (default: the model's)", magnification)
    .addOption(
      new Option("--size <size>", "output's width and height, such as 3000x2000").argParser(size).conflicts("scale"),
    )
    .addOption(
      new Option("--long-edge <pixels>", "output's longer side; the other keeps the proportion")
        .argParser(longEdge)
        .conflicts(["scale", "size"]),
    )
    .addOption(new Option("--device <device>", "where to run").choices(["auto", ...DEVICES]).default("auto"))
    .option("--strict", "fail where the device isn't there or computes something else, rather than take the processor")
    .addOption(
      new Option("--format <format>", "of images (default: OUT's ending says it, or as the input)").choices(
        IMAGE_FORMATS,
      ),
    )
    .option("--format-quality <number>", "of JPEG, WebP and AVIF, 1 to 100 (default: 95)", formatQuality)
    .addOption(
      new Option("--metadata <what>", "EXIF and colour profile: strip converts to sRGB")
        .choices(["keep", "strip"])
        .default("keep"),
    )
    .option("--self-ensemble", 'average over the eight turned and flipped images ("+"), in eight times the time')
    .option("--recursive", "look into the folders in folders")
    .addOption(new Option("--skip-existing", "leave out files whose output is there").conflicts("force"))
    .option("--force", "replace what is there")
    .addOption(shardOption("files"))
    .option("--suffix <text>", "behind the names of outputs (default: such as _x2 beside inputs, none in a folder)")
    .addOption(
      new Option("--jobs <number>", "files at once, among which threads are shared").argParser(files).default(1),
    )
    .option("--threads <number>", "of the engine (default: all cores)", threads)
    .option("--codec <name>", "ffmpeg's encoder of videos (default: libx264, in .webm libvpx-vp9)")
    .option("--crf <number>", "videos' constant rate factor: less is better and larger (default: 16)", crf);
  const { scale: ofModel, channels, range } = OVERRIDES;
  const schemas = { "scale-of-model": ofModel, channels, range };
  for (const [flag, schema] of Object.entries(schemas)) {
    command.option(`--${flag}${argumentOf(schema)}`, descriptionOf(schema), (text) => checkedValue(text, schema));
  }
  return command
    .option("--compare", "write pages that compare images with bicubic")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(words: string[], options: Options): Promise<void> {
  const { out, json, recursive = false, force = false, skipExisting = false, compare = false } = options;
  refuseContradictions(words, options);
  const shard = shardIn(options.shard);
  const inputs = await findInputs(words, recursive, out);
  refuseIdle(inputs, options);
  if (inputs.some(({ path }) => isVideo(path))) await findFfmpeg();
  const bytes = inputs[0]?.path === STANDARD ? await standardInput() : undefined;
  await interruptible(async (signal) => {
    const extents = new Map<Input, Extent>();
    for (const input of inputs) extents.set(input, await extentOf(input, bytes));
    const upscalers: Upscaler[] = [];
    try {
      const upscaler = await loaded(options, sizeOfLargest([...extents.values()]), signal);
      upscalers.push(upscaler);
      const usualSuffix = suffixOf(upscaler.scale, options);
      const { format, suffix } = options;
      const plan = await planJobs(inputs, {
        ...{ out, suffix, usualSuffix, format, force, skipExisting, compare },
        shard,
      });
      const work = plan.jobs.map((job) => ({ job, bytes, ...(extents.get(job.input) as Extent) }));
      while (upscalers.length < Math.min(options.jobs, work.length)) {
        upscalers.push(await Upscaler.load(options.model, { ...loading(options, signal), quality: upscaler.quality }));
      }
      const begun = performance.now();
      const result = await upscaled(work, upscalers, options, signal);
      const seconds = (performance.now() - begun) / 1000;
      if (json) process.stdout.write(`${toJson(batchJson(plan, result, upscaler, seconds, signal), 2)}\n`);
      else reportBatch(plan, result, seconds);
      requireAll(plan, result, signal);
    } catch (error) {
      if (!signal.aborted || error instanceof SlimsrError) throw error;
      throw new InterruptedError("interrupted before a file was done", { cause: error });
    } finally {
      for (const each of upscalers) await each.dispose();
    }
  });
}

/** @throws UsageError for options that can't be meant together */
function refuseContradictions(
  words: readonly string[],
  { out, json, compare, quality: asked, maxMs, minFps }: Options,
): void {
  const isPiped = out === STANDARD || (out === undefined && words.includes(STANDARD));
  if (isPiped && process.stdout.isTTY) {
    throw new UsageError(
      "an image isn't written to a terminal; name a file with -o, or direct the standard output into one",
    );
  }
  if (isPiped && json)
    throw new UsageError("the standard output has the image; leave --json out, or name a file with -o");
  if (compare && isPiped) throw new UsageError("--compare writes a page beside the output; name a file with -o");
  const isLimited = maxMs !== undefined || minFps !== undefined;
  if (isLimited && typeof asked === "number") {
    throw new UsageError(`--quality ${asked} is a choice already; leave it out, or --max-ms and --min-fps`);
  }
  if (asked === "auto" && !isLimited)
    throw new UsageError("--quality auto takes a limit: --max-ms 100 or --min-fps 25");
}

/** @throws UsageError for options that no input has a use for */
function refuseIdle(inputs: readonly Input[], { codec, crf: factor, compare }: Options): void {
  const videos = inputs.filter(({ path }) => isVideo(path)).length;
  if (videos === 0 && (codec !== undefined || factor !== undefined)) {
    throw new UsageError("--codec and --crf are of videos; there is none among the inputs");
  }
  if (videos === inputs.length && compare)
    throw new UsageError("--compare is of images; there is none among the inputs");
}

async function standardInput(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function loading(options: Options, signal: AbortSignal): LoadOptions {
  const { device, strict, jobs, threads: wanted, scaleOfModel, channels, range } = options;
  const all = wanted ?? (coreCount() || availableParallelism());
  return {
    ...{ device, strict, signal, scale: scaleOfModel, channels, range },
    ...((wanted !== undefined || jobs > 1) && { threads: Math.max(1, Math.floor(all / jobs)) }),
    onFallback: (reason) => process.stderr.write(`note: ${message(reason)}\n`),
  };
}

const loaded = (options: Options, at: Size | undefined, signal: AbortSignal): Promise<Upscaler> =>
  withProgress("fetch the model", "bytes", (onProgress) =>
    Upscaler.load(options.model, {
      ...loading(options, signal),
      ...{ maxMs: options.maxMs, minFps: options.minFps, at },
      quality: options.quality ?? (options.maxMs === undefined && options.minFps === undefined ? undefined : "auto"),
      onDownload: (received, total) => onProgress(received, total ?? received),
    }),
  );

/** "_x2", or as the size is asked for. */
function suffixOf(network: number, { scale, size: wanted, longEdge: edge }: Options): string {
  if (wanted) return `_${wanted.width}x${wanted.height}`;
  return edge === undefined ? `_x${scale ?? network}` : `_${edge}`;
}

function sizeOfLargest(extents: readonly Extent[]): Size | undefined {
  const area = (size: Size | undefined) => (size ? size.width * size.height : 0);
  return extents.reduce<Size | undefined>((most, { size }) => (area(size) > area(most) ? size : most), undefined);
}

async function upscaled(
  work: readonly Measured[],
  upscalers: readonly Upscaler[],
  options: Options,
  signal: AbortSignal,
): Promise<BatchResult> {
  const { scale, size: wanted, longEdge: edge, selfEnsemble, format, formatQuality: level, metadata } = options;
  const { codec, crf: factor } = options;
  const live = new LiveBatch(
    work.length,
    work.reduce((sum, { pixels }) => sum + pixels, 0),
  );
  try {
    return await runBatch(work, upscalers, {
      ...{ scale, size: wanted, longEdge: edge, selfEnsemble, format, formatQuality: level, metadata, signal },
      video: { ...(codec !== undefined && { codec }), ...(factor !== undefined && { crf: factor }) },
      onProgress: (progress) => live.update(progress),
    });
  } finally {
    live.stop();
  }
}
