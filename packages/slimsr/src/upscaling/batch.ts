import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { streamSink } from "@slimsr/upscaler/internal/node/file-sink.js";
import type { FileOptions, Upscaler } from "@slimsr/upscaler/internal/node/upscaler.js";
import { systemReason } from "../files/system-reason.js";
import { writeComparison } from "./compare.js";
import { STANDARD } from "./inputs.js";
import type { Job } from "./jobs.js";
import type { Extent } from "./measure.js";
import type { Compression } from "./video/encode.js";
import { upscaleVideo } from "./video/upscale-video.js";

/** A job, how much work it is, and the bytes of an input that is no file. */
export interface Measured extends Extent {
  readonly job: Job;
  readonly bytes?: Uint8Array | undefined;
}

export interface Finished extends Size {
  readonly job: Job;
  readonly from?: Size | undefined;
  /** Pictures. */
  readonly frames: number;
  readonly milliseconds: number;
  readonly notes: readonly string[];
}

export interface Failure {
  readonly job: Job;
  readonly reason: string;
}

export interface BatchResult {
  readonly finished: readonly Finished[];
  readonly failures: readonly Failure[];
}

/** How far a batch is. */
export interface BatchProgress {
  readonly files: number;
  /** Input pixels that are done, of all. */
  readonly pixels: number;
}

export interface BatchOptions extends Pick<FileOptions, "scale" | "size" | "longEdge" | "selfEnsemble"> {
  readonly format?: FileOptions["format"];
  readonly formatQuality?: number | undefined;
  readonly metadata: NonNullable<FileOptions["metadata"]>;
  readonly video: Partial<Compression>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BatchProgress) => void;
}

/**
 * Does jobs, one after another or, with several upscalers, as many at once. What fails is told and the others are gone on with;
 * what the signal stops is neither finished nor failed.
 */
export async function runBatch(
  work: readonly Measured[],
  upscalers: readonly Upscaler[],
  options: BatchOptions,
): Promise<BatchResult> {
  const { signal } = options;
  const finished: Finished[] = [];
  const failures: Failure[] = [];
  let pixels = 0;
  const shares = new Map<Measured, number>();
  const tell = (each: Measured, share: number) => {
    const before = shares.get(each) ?? 0;
    // A second pass over an image has the first count for less.
    const now = Math.max(share, before);
    shares.set(each, now);
    pixels += each.pixels * (now - before);
    options.onProgress({ files: finished.length + failures.length, pixels });
  };
  const waiting = work.values();
  const worker = async (upscaler: Upscaler) => {
    for (const each of waiting) {
      if (signal.aborted) return;
      try {
        finished.push(await finish(each, upscaler, options, (share) => tell(each, share)));
      } catch (error) {
        if (signal.aborted) return;
        failures.push({ job: each.job, reason: systemReason(error) });
      }
      tell(each, 1);
    }
  };
  await Promise.all(upscalers.map(worker));
  return { finished, failures };
}

async function finish(
  { job, size: from, bytes }: Measured,
  upscaler: Upscaler,
  { video, onProgress: _, format, formatQuality, metadata, ...options }: BatchOptions,
  onShare: (share: number) => void,
): Promise<Finished> {
  const { input, output, kind, comparison } = job;
  const notes: string[] = [];
  const onNote = (note: string) => {
    if (!notes.includes(note)) notes.push(note);
  };
  const begun = performance.now();
  let begunAt: number | undefined;
  const onFrames = (done: number, total: number) => {
    begunAt ??= done;
    onShare(total > begunAt ? (done - begunAt) / (total - begunAt) : 1);
  };
  const made =
    kind === "video"
      ? await upscaleVideo(upscaler, input.path, output, { ...options, ...video, onNote, onProgress: onFrames })
      : await upscaler.upscaleFile(bytes ?? input.path, output === STANDARD ? streamSink(process.stdout) : output, {
          ...{ ...options, format, formatQuality, metadata, onNote },
          onProgress: ({ done, total }) => onShare(done / total),
        });
  const { width, height, frames } = made;
  const milliseconds = performance.now() - begun;
  if (comparison !== undefined) {
    const summary = `${from ? `${from.width}×${from.height} → ` : ""}${width}×${height} by ${upscaler.name}, quality ${upscaler.quality}`;
    await writeComparison(comparison, bytes ?? input.path, output, {
      ...{ name: input.name, size: { width, height }, summary },
    });
  }
  return { job, from, width, height, frames, milliseconds, notes };
}
