import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { formatOfName, IMAGE_FORMATS, type ImageFormat } from "@slimsr/upscaler/internal/images/format.js";
import { type Exchange, ownOf } from "../exchange/exchange.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";
import { type Input, isVideo, STANDARD } from "./inputs.js";
import { VIDEO_ENDINGS } from "./video/join.js";

/** A file to make of another. */
export interface Job {
  readonly input: Input;
  /** A path, or `STANDARD`. */
  readonly output: string;
  readonly kind: "image" | "video";
  /** Where the page goes that compares it with bicubic. */
  readonly comparison?: string;
}

export interface JobOptions {
  /** A file, of one input that is a file, or a folder; beside the input where left out. */
  readonly out?: string | undefined;
  /** Behind the input's name; none where `out` is a folder. */
  readonly suffix?: string | undefined;
  /** What stands there where the output lies beside its input: "_x2". */
  readonly usualSuffix: string;
  /** Of images; by default the output's name says it, or it is the input's. */
  readonly format?: ImageFormat | undefined;
  readonly force: boolean;
  readonly skipExisting: boolean;
  /** Whether pages are made that compare images. */
  readonly compare: boolean;
  /** The part that is done, where other processes do the others. */
  readonly shard?: Pick<Exchange, "rank" | "size"> | undefined;
}

export interface JobPlan {
  readonly jobs: readonly Job[];
  /** Those whose output is there. */
  readonly skipped: readonly Job[];
}

/**
 * What is to be made of inputs. Folders are made for it.
 * @throws UsageError where an output would be lost, can't be written or has no known format
 */
export async function planJobs(inputs: readonly Input[], options: JobOptions): Promise<JobPlan> {
  const { force, skipExisting } = options;
  const namer = await namerOf(inputs, options);
  const all = inputs.map((input) => ({ input, job: jobOf(input, namer(input), options) }));
  // A folder that holds outputs of an earlier call has them beside their inputs.
  const outputs = new Set(all.map(({ job }) => resolve(job.output)));
  const whole = all.filter(({ input }) => input.isNamed || !outputs.has(resolve(input.path))).map(({ job }) => job);
  requireDistinct(whole);
  const jobs = options.shard ? ownOf(whole, options.shard) : whole;
  for (const folder of new Set(jobs.filter(isFile).map(({ output }) => dirname(output)))) await requireWritable(folder);
  const isPresent = await Promise.all(jobs.map(isMade));
  const present = jobs.filter((_, i) => isPresent[i]);
  if (present.length > 0 && !force && !skipExisting) {
    const [{ output }, ...rest] = present as [Job, ...Job[]];
    const more = rest.length > 0 ? `, and so do ${rest.length} more` : "";
    throw new UsageError(
      `${output} exists${more}; give --skip-existing to go on with those that don't, or --force to replace what is there`,
    );
  }
  return skipExisting && !force
    ? { jobs: jobs.filter((_, i) => !isPresent[i]), skipped: present }
    : { jobs, skipped: [] };
}

const isFile = ({ output }: Job): boolean => output !== STANDARD;

/** Where the output of an input goes. */
async function namerOf(inputs: readonly Input[], options: JobOptions): Promise<(input: Input) => string> {
  const { out, suffix, usualSuffix } = options;
  const [first] = inputs;
  if (out === STANDARD || (out === undefined && first?.path === STANDARD)) {
    if (inputs.length > 1) throw new UsageError(`the standard output has room for one image, not for ${inputs.length}`);
    if (first && isVideo(first.path)) throw new UsageError(`${first.path} is a video, which is written to a file`);
    return () => STANDARD;
  }
  if (out === undefined) {
    return (input) => join(dirname(input.path), nameOf(basename(input.path), suffix ?? usualSuffix, options));
  }
  const isFolder = /[/\\]$/.test(out) || (await stat(out).catch(() => undefined))?.isDirectory();
  if (isFolder || inputs.length > 1 || !first?.isNamed) {
    if (!isFolder && (formatOfName(out) !== undefined || isVideo(out))) {
      const what = inputs.length > 1 ? `${inputs.length} files` : "a folder";
      throw new UsageError(`${what} can't become the one file ${out}; name a folder with -o`);
    }
    return (input) => join(out, dirname(input.name), nameOf(basename(input.name), suffix ?? "", options));
  }
  if (suffix !== undefined) throw new UsageError(`${out} is the output's whole name; leave --suffix out`);
  return () => out;
}

/** The output's name, made of the input's. */
function nameOf(name: string, suffix: string, { format }: JobOptions): string {
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  return `${stem}${suffix}${isVideo(name) ? videoEnding(ending) : imageEnding(ending, format)}`;
}

const videoEnding = (ending: string): string =>
  VIDEO_ENDINGS.includes(ending.slice(1).toLowerCase()) ? ending : ".mkv";

const ENDINGS: Partial<Record<ImageFormat, string>> = { jpeg: ".jpg" };

/** The input's own ending where it has the output's format. */
function imageEnding(ending: string, wanted: ImageFormat | undefined): string {
  const own = formatOfName(`x${ending}`);
  const format = wanted ?? own ?? "png";
  return format === own ? ending : (ENDINGS[format] ?? `.${format}`);
}

function jobOf(input: Input, output: string, { format, compare }: JobOptions): Job {
  const kind = isVideo(input.path) ? "video" : "image";
  if (output === STANDARD) return { input, output, kind };
  const ending = extname(output).slice(1).toLowerCase();
  if (kind === "video") {
    if (VIDEO_ENDINGS.includes(ending)) return { input, output, kind };
    throw new UsageError(
      `${output}: ${input.path} is a video; its output's name must end in one of ${VIDEO_ENDINGS.join(", ")}`,
    );
  }
  const named = formatOfName(output);
  if (named === undefined) {
    throw new UsageError(
      `${output} is no folder that is there, and its name ends in no known format (${IMAGE_FORMATS.join(", ")}, jpg, tif); a folder to be made ends in /`,
    );
  }
  if (format !== undefined && named !== format) {
    throw new UsageError(`${output} is called a ${named.toUpperCase()}, and --format says ${format}; leave one out`);
  }
  const page = `${output.slice(0, output.length - ending.length - 1)}.compare.html`;
  return { input, output, kind, ...(compare && { comparison: page }) };
}

/** @throws UsageError where an output is that of another input too, or an input itself */
function requireDistinct(jobs: readonly Job[]): void {
  const makers = new Map<string, Job>();
  const inputs = new Set(jobs.map(({ input }) => resolve(input.path)));
  for (const job of jobs.filter(isFile)) {
    const path = resolve(job.output);
    const other = makers.get(path);
    if (other) {
      throw new UsageError(
        `${other.input.path} and ${job.input.path} would both become ${job.output}; rename one, or upscale them one by one`,
      );
    }
    if (inputs.has(path)) {
      throw new UsageError(`${job.output} is an input, which would be lost; name another output with -o or --suffix`);
    }
    makers.set(path, job);
  }
}

async function requireWritable(folder: string): Promise<void> {
  await makeFolder(folder).catch((error: unknown) => {
    throw new UsageError(`folder ${folder} can't be made: ${systemReason(error)}; name another with -o`);
  });
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new UsageError(`nothing can be written in ${folder}: ${systemReason(error)}; name another folder with -o`);
  });
}

/** @throws UsageError where the output is a folder, or the input by another name */
async function isMade({ input, output, comparison }: Job): Promise<boolean> {
  if (output === STANDARD) return false;
  const found = await stat(output).catch(() => undefined);
  if (found?.isDirectory()) throw new UsageError(`${output} is a folder; name a file with -o`);
  if (found && input.path !== STANDARD && (await realpath(output)) === (await realpath(input.path))) {
    throw new UsageError(`${output} is the input, which would be lost; name another output with -o or --suffix`);
  }
  if (found) return true;
  return comparison !== undefined && (await stat(comparison).catch(() => undefined)) !== undefined;
}
