import { InterruptedError, SlimsrError } from "@slimsr/core/internal/errors.js";
import type { Upscaler } from "@slimsr/upscaler/internal/node/upscaler.js";
import { duration, milliseconds as inMilliseconds } from "../text/numbers.js";
import { inLine, message } from "../text/visible.js";
import type { BatchResult } from "../upscaling/batch.js";
import { STANDARD } from "../upscaling/inputs.js";
import type { JobPlan } from "../upscaling/jobs.js";

/** What a program reads. */
export function batchJson(
  { skipped }: JobPlan,
  { finished, failures }: BatchResult,
  { name, scale, quality: taken, device }: Upscaler,
  seconds: number,
  { aborted }: AbortSignal,
): unknown {
  return {
    ...{ model: name, scale, quality: taken, device, seconds, interrupted: aborted },
    files: finished.map(({ job, from, width, height, frames, milliseconds, notes }) => ({
      ...{ input: job.input.path, output: job.output, kind: job.kind },
      ...(from && { from }),
      ...{ width, height, frames, milliseconds, notes },
      ...(job.comparison !== undefined && { comparison: job.comparison }),
    })),
    skipped: skipped.map(({ input, output }) => ({ input: input.path, output })),
    failures: failures.map(({ job, reason }) => ({ input: job.input.path, output: job.output, reason })),
  };
}

/** What people read; on standard error where the image is on standard output. */
export function reportBatch({ jobs, skipped }: JobPlan, { finished }: BatchResult, seconds: number): void {
  const stream = jobs.some(({ output }) => output === STANDARD) ? process.stderr : process.stdout;
  for (const { job, from, width, height, frames, milliseconds, notes } of finished) {
    const sizes = `${from ? `${from.width}×${from.height} → ` : ""}${width}×${height}`;
    const pictures = frames > 1 ? `, ${frames} frames` : "";
    stream.write(`${inLine(job.output)}: ${sizes}${pictures}, ${inMilliseconds(milliseconds)}\n`);
    for (const note of notes) process.stderr.write(`note: ${inLine(job.input.path)}: ${message(note)}\n`);
  }
  const counts = [
    ...(finished.length > 1 ? [`${finished.length} files in ${duration(seconds)}`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} left out, whose outputs are there`] : []),
  ];
  if (counts.length > 0) stream.write(`${counts.join(", ")}\n`);
}

/** @throws InterruptedError or SlimsrError where not all is done */
export function requireAll({ jobs }: JobPlan, { finished, failures }: BatchResult, signal: AbortSignal): void {
  const reasons = failures.map(({ job, reason }) =>
    reason.includes(job.input.path) || reason.includes(job.output)
      ? `\n  ${reason}`
      : `\n  ${job.input.path}: ${reason}`,
  );
  const listed = failures.length > 0 ? `; ${failures.length} failed:${reasons.join("")}` : "";
  if (signal.aborted) {
    throw new InterruptedError(
      `interrupted when ${finished.length} of ${jobs.length} files were done; the same call with --skip-existing goes on${listed}`,
    );
  }
  if (failures.length > 0) {
    throw new SlimsrError(`${failures.length} of ${jobs.length} files can't be upscaled:${reasons.join("")}`);
  }
}
