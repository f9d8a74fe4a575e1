import { UsageError } from "@slimsr/core/internal/errors.js";
import { Option } from "commander";

/** One of `size` parts of some work, which as many processes do: `rank` counts from 0. */
export interface Shard {
  readonly rank: number;
  readonly size: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const shardOption = (what: string): Option =>
  new Option(
    "--shard <i/n>",
    `do a part of the ${what}, the ith of n from 1, where other processes do the others: auto, as Slurm's array job says; auto/n, as Kubernetes' indexed job does`,
  );

/**
 * The part that an option names; undefined where there is none.
 * @throws UsageError where it isn't one, or the job doesn't say which
 */
export function shardIn(text: string | undefined, env: Environment = process.env): Shard | undefined {
  if (text === undefined) return undefined;
  const [part, of, ...rest] = text.split("/") as [string, string?, ...string[]];
  const size = rest.length > 0 ? undefined : whole(of);
  if (part === "auto") return of === undefined ? ofSlurm(env) : ofKubernetes(text, size, env);
  const index = whole(part);
  if (index === undefined || size === undefined || index < 1 || index > size) {
    throw new UsageError(`--shard ${text} is no part: it must be i/n, such as 2/8, or auto, or auto/n`);
  }
  return { rank: index - 1, size };
}

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;

function ofSlurm(env: Environment): Shard {
  const [id, least = 0, step = 1, size] = ["ID", "MIN", "STEP", "COUNT"].map((name) =>
    whole(env[`SLURM_ARRAY_TASK_${name}`]),
  );
  if (id === undefined || size === undefined) {
    throw new UsageError(
      "--shard auto is for Slurm's array jobs (sbatch --array=1-8), and this isn't one: say which part, such as --shard 2/8, or in Kubernetes --shard auto/8",
    );
  }
  const rank = (id - least) / step;
  if (Number.isInteger(rank) && rank >= 0 && rank < size) return { rank, size };
  throw new UsageError(
    `--shard auto takes arrays without gaps, such as --array=1-${size}: task ${id} isn't one of ${size} from ${least} on`,
  );
}

function ofKubernetes(text: string, size: number | undefined, env: Environment): Shard {
  const rank = whole(env.JOB_COMPLETION_INDEX);
  if (rank === undefined) {
    throw new UsageError(
      `--shard ${text} is for Kubernetes' indexed jobs (completionMode: Indexed), and this isn't one: say which part, such as --shard 2/8`,
    );
  }
  if (size !== undefined && rank < size) return { rank, size };
  throw new UsageError(`--shard ${text} doesn't fit the job's index ${rank}: give its completions, such as auto/8`);
}

/** "part 2 of 8" */
export const shardName = ({ rank, size }: Shard): string => `part ${rank + 1} of ${size}`;
