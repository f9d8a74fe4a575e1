import { existsSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { DatasetError, UsageError } from "@slimsr/core/internal/errors.js";
import { degradationFor } from "../degradations/degradation.js";
import { type Exchange, ownOf } from "../exchange/exchange.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";
import { defaultMaxPixels } from "../images/decode.js";
import { forEachImage, type PoolOptions } from "./image-pool.js";
import { benchmarkLayout, listHr, lrName } from "./layouts.js";
import { requireSound, type Skipped } from "./problems.js";

export interface PrepareOptions extends Pick<PoolOptions, "onProgress" | "signal"> {
  /** Goes on without images that cannot be used, and lists them. */
  readonly skipBad?: boolean;
  /** Pixels that an image may have. */
  readonly maxPixels?: number;
  /** How inputs are made of the images (see `parseDegradation`); bicubic where left out. */
  readonly degrade?: string;
  /** The part of the images that is prepared, where other processes prepare the others. */
  readonly shard?: Pick<Exchange, "rank" | "size"> | undefined;
}

export interface Prepared {
  readonly written: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly skipped: readonly Skipped[];
}

/**
 * Writes the benchmarks' layout: `out`/HR/name.png is the image itself, `out`/LR_bicubic/X2/namex2.png its reduction by
 * MATLAB's bicubic, after cropping to a multiple of the scale; what other degradations make is `out`/LR/X2/namex2.png, and
 * `out`/LR/name.png at scale 1, rounded and clipped to 8 bits. Where `hr` holds LR too, as sets do, its HR is taken. If `hr` is `out`/HR, only the reductions are written.
 * @throws UsageError if `out` lies within `hr`, holds inputs that were made otherwise, or the degradation doesn't fit the scale
 * @throws DatasetError naming the images that cannot be used, unless `skipBad`
 * @throws InterruptedError if the signal was aborted; files already written are whole
 */
export async function prepareBenchmark(
  hr: string,
  scales: readonly number[],
  out: string,
  { skipBad = false, maxPixels = defaultMaxPixels, degrade, shard, ...options }: PrepareOptions = {},
): Promise<Prepared> {
  const layout = benchmarkLayout(out);
  const [made, other] = degrade === undefined ? [layout.lr, layout.degraded] : [layout.degraded, layout.lr];
  if (existsSync(other)) {
    throw new UsageError(
      `${other} holds inputs that were made otherwise, and a set has one of each image; choose another folder than ${out}`,
    );
  }
  const inPlace = resolve(hr) === resolve(layout.hr);
  if (`${resolve(out)}${sep}`.startsWith(`${resolve(hr)}${sep}`)) {
    throw new UsageError(`${out} lies within ${hr}, so that its images would be taken for HR; choose another folder`);
  }
  const all = await listHr(hr);
  const files = shard ? ownOf(all, shard) : all;
  await makeFolder(out).catch((error: unknown) => {
    throw new DatasetError(`${out}: cannot be made: ${systemReason(error)}`, { cause: error });
  });
  const jobs = files.map(({ name, path }) => ({
    source: path,
    hr: inPlace ? undefined : join(layout.hr, `${name}.png`),
    lr: scales.map((scale) => ({
      ...{ scale, degradation: degradationFor(scale, degrade, hr) },
      path: join(made, `${lrName(name, scale)}.png`),
    })),
    maxPixels,
  }));
  const outcomes = await forEachImage("writeImagePair", jobs, { ...options, stopAtProblem: !skipBad });
  const written = files.flatMap(({ name }, i) => {
    const result = outcomes[i]?.result;
    return result === undefined ? [] : [{ name, ...result }];
  });
  const skipped = files.flatMap(({ path }, i) => {
    const reason = outcomes[i]?.problem;
    return reason === undefined ? [] : [{ file: relative(hr, path), reason }];
  });
  if (files.length > 0) requireSound(hr, written.length, skipped, skipBad);
  return { written, skipped };
}
