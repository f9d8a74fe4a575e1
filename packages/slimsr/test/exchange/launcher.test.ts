import { describe, expect, it } from "vitest";
import { UsageError } from "../../../core/src/errors.js";
import { shardIn } from "../../src/cli/shard.js";
import { processorsIn, shareOfCores } from "../../src/exchange/cores.js";
import { launcherIn } from "../../src/exchange/launcher.js";
import { batchIndex, shareOf } from "../../src/training/share.js";

describe("launcherIn", () => {
  it("knows who started several processes", () => {
    const found = (env: Record<string, string>) => {
      const launcher = launcherIn(env);
      return launcher && [launcher.name, launcher.size, launcher.families[0]];
    };
    expect(found({ OMPI_COMM_WORLD_SIZE: "4", PMIX_RANK: "1" })).toEqual(["mpirun of Open MPI", 4, "openmpi"]);
    expect(found({ PMI_SIZE: "2", PMI_RANK: "0" })).toEqual(["mpirun of MPICH", 2, "standard"]);
    expect(found({ SLURM_STEP_NUM_TASKS: "8", SLURM_PROCID: "3", PMIX_RANK: "3" })).toEqual(["srun", 8, "openmpi"]);
    expect(found({ SLURM_STEP_NUM_TASKS: "8", PMI_RANK: "3", PMI_SIZE: "8" })).toEqual(["srun", 8, "standard"]);
    expect(found({ PMIX_RANK: "0" })).toEqual(["a launcher of PMIx", undefined, "openmpi"]);
  });

  it("takes one process for one, and a batch job's own script too", () => {
    expect(launcherIn({})).toBeUndefined();
    expect(launcherIn({ OMPI_COMM_WORLD_SIZE: "1" })).toBeUndefined();
    expect(launcherIn({ SLURM_STEP_NUM_TASKS: "1" })).toBeUndefined();
    expect(launcherIn({ SLURM_NTASKS: "8", SLURM_PROCID: "0", SLURM_JOB_ID: "5" })).toBeUndefined();
  });
});

describe("shareOfCores", () => {
  it("reads lists of processors", () => {
    expect(processorsIn("0-2,8,10-11\n")).toEqual([0, 1, 2, 8, 10, 11]);
    expect(processorsIn("3")).toEqual([3]);
    expect(processorsIn("")).toEqual([]);
  });

  it("divides cores among those that run on them, and leaves one at least", async () => {
    const with_ = (others: number) => async (users: Float32Array) => {
      for (const [i, value] of users.entries()) users[i] = value * (1 + others);
    };
    expect(await shareOfCores(with_(0), 8)).toBe(8);
    expect(await shareOfCores(with_(1), 8)).toBe(4);
    expect(await shareOfCores(with_(2), 8)).toBe(2);
    expect(await shareOfCores(with_(99), 8)).toBe(1);
  });
});

describe("shareOf", () => {
  const ranks = (size: number) => Array.from({ length: size }, (_, rank) => ({ rank, size }));

  it("gives out each sample once, weighed by what it counts in the step", () => {
    for (const [batch, accumulate, size] of [
      ...([
        [16, 1, 4],
        [7, 1, 3],
        [5, 3, 2],
        [4, 6, 3],
        [4, 4, 4],
        [16, 1, 1],
      ] as const),
    ]) {
      const seen = new Map<string, number>();
      let weight = 0;
      for (const rank of ranks(size)) {
        const share = shareOf({ batch, accumulate, isContrasted: false }, rank);
        weight += share.weight;
        expect(share.weight).toBeCloseTo((share.batches.count * share.samples.count) / (batch * accumulate), 12);
        // Of the third step.
        for (let n = 2 * share.batches.count; n < 3 * share.batches.count; n++) {
          for (let i = 0; i < share.samples.count; i++) {
            const key = `${batchIndex(share, accumulate, n)}/${share.samples.first + i}`;
            seen.set(key, (seen.get(key) ?? 0) + 1);
          }
        }
      }
      expect(weight).toBeCloseTo(1, 12);
      const all = Array.from({ length: accumulate * batch }, (_, i) => {
        return `${2 * accumulate + Math.floor(i / batch)}/${i % batch}`;
      });
      expect([...seen.keys()].sort()).toEqual(all.sort());
      expect([...seen.values()].every((count) => count === 1)).toBe(true);
    }
  });

  it("refuses what ranks can't share out, and says what they can", () => {
    const rank = { rank: 0, size: 4 };
    expect(() => shareOf({ batch: 3, accumulate: 1, isContrasted: false }, rank)).toThrow(/batch of 3 .* 4 ranks/);
    expect(() => shareOf({ batch: 16, accumulate: 6, isContrasted: true }, rank)).toThrow(/--accumulate 8/);
    const banked = { batch: 16, accumulate: 8, isContrasted: true, hasMemoryBank: true };
    expect(() => shareOf(banked, rank)).toThrow(/4 ranks .* leave --memory-bank out/);
    expect(shareOf(banked, { rank: 0, size: 1 }).weight).toBe(1);
    expect(shareOf({ batch: 16, accumulate: 8, isContrasted: true }, rank).batches).toEqual({ first: 0, count: 2 });
  });
});

describe("shardIn", () => {
  it("takes a part that is named, a task of Slurm's array, or an index of Kubernetes' job", () => {
    expect(shardIn(undefined)).toBeUndefined();
    expect(shardIn("2/8", {})).toEqual({ rank: 1, size: 8 });
    const task = { SLURM_ARRAY_TASK_ID: "6", SLURM_ARRAY_TASK_MIN: "2", SLURM_ARRAY_TASK_STEP: "2" };
    expect(shardIn("auto", { ...task, SLURM_ARRAY_TASK_COUNT: "5" })).toEqual({ rank: 2, size: 5 });
    expect(shardIn("auto/5", { JOB_COMPLETION_INDEX: "4" })).toEqual({ rank: 4, size: 5 });
  });

  it("refuses what is no part", () => {
    for (const text of ["0/4", "5/4", "4", "a/b", "1/2/3x", "-1/2", ""]) {
      expect(() => shardIn(text, {}), text).toThrow(UsageError);
    }
    expect(() => shardIn("auto", {})).toThrow(/this isn't one/);
    expect(() => shardIn("auto/4", {})).toThrow(/this isn't one/);
    expect(() => shardIn("auto/4", { JOB_COMPLETION_INDEX: "4" })).toThrow(/completions/);
    const gaps = { SLURM_ARRAY_TASK_ID: "7", SLURM_ARRAY_TASK_MIN: "1", SLURM_ARRAY_TASK_COUNT: "3" };
    expect(() => shardIn("auto", gaps)).toThrow(/without gaps/);
  });
});
