import { readdirSync, readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MPIS, type Mpi, startRanks } from "../../../../test/support/mpi.js";
import { describeWith } from "../../../../test/support/requirement.js";
import { readSafetensors } from "../../../core/src/checkpoints/safetensors.js";
import { IMAGES, journalOf, slimsr, smallTeacher, stepsOf, temporaryFolder } from "./runs.js";

const CLI = "packages/slimsr/bin/slimsr.js";

/** Of a run that takes seconds; batches of five aren't divided evenly. */
const SHORT = [
  ...["--below-bicubic", "--train", IMAGES, "--val", IMAGES, "--batch", "5", "--patch", "8", "--threads", "1"],
  ...["--validation-patch", "16", "--calibration-patches", "6", "--keep-outputs", "off"],
];

const ranks = (mpi: Mpi, count: number, ...args: string[]) => startRanks(mpi, count, [CLI, ...args]);

/** Processes of this machine, not being launchers, that have a text among their arguments. */
const processesWith = (text: string): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((id) => {
      try {
        const [program, ...words] = readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
        return /node$/.test(program ?? "") && words.includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);

const lossesOf = async (run: string): Promise<number[]> =>
  (await journalOf(run)).flatMap((line) => (line.kind === "step" ? [line.losses.loss as number] : []));

describeWith(MPIS["Open MPI"], "slimsr on several ranks of Open MPI", () => {
  describeWith(MPIS.MPICH, "and of MPICH", () => {
    it("goes on after SIGKILL of a rank, on another number of them, with the batches of one process", {
      timeout: 400_000,
    }, async () => {
      const folder = await temporaryFolder();
      const [one, several] = ["one", "several"].map((name) => join(folder, name)) as [string, string];
      const steps = ["--method", "kd", "--steps", "120", "--checkpoint-every", "3", "--validate-every", "60"];
      const args = ["compress", "--teacher", await smallTeacher(folder), ...SHORT, ...steps];
      const alone = await slimsr(...args, "--out", one);
      expect(alone.code, alone.stderr).toBe(0);

      const job = ranks("MPICH", 2, ...args, "--out", several);
      const isAt = (step: number) =>
        readFile(join(several, "metrics.jsonl"), "utf8").then(
          (text) => text.includes(`"step":${step},`),
          () => false,
        );
      while (!(await isAt(3)) && job.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
      const { process: first } = JSON.parse(await readFile(join(several, "lock"), "utf8")) as { process: number };
      const other = processesWith(several).find((id) => id !== first) as number;
      process.kill(other, "SIGKILL");
      const killed = performance.now();
      const { code } = await job.finished;
      expect(code).not.toBe(0);
      expect(performance.now() - killed).toBeLessThan(30_000);
      expect(processesWith(several)).toEqual([]);

      const resumed = await ranks("Open MPI", 3, "compress", "--resume", several).finished;
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(stepsOf(await journalOf(several))).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
      const [expected, found] = await Promise.all([one, several].map(lossesOf));
      for (const [i, loss] of (expected as number[]).entries()) {
        expect(Math.abs((found?.[i] as number) / loss - 1), `step ${i + 1}`).toBeLessThan(1e-3);
      }
      expect(resumed.stdout.match(/^images {2}student/gm)).toHaveLength(1);
      const environments = JSON.parse(await readFile(join(several, "environment.json"), "utf8")) as { ranks: number }[];
      expect(environments.map(({ ranks: count }) => count)).toEqual([2, 3]);
    });

    it("ends after the same step on Ctrl-C, saved, and says so once", { timeout: 240_000 }, async () => {
      const folder = await temporaryFolder();
      const run = join(folder, "run");
      const settings = ["--method", "slice", "--steps", "100000", "--checkpoint-every", "100000"];
      const args = ["compress", "--teacher", await smallTeacher(folder), ...SHORT, ...settings, "--out", run];
      const job = ranks("MPICH", 2, ...args);
      let shown = "";
      job.stderr?.on("data", (data) => {
        shown += data;
      });
      while (!shown.includes("step ") && job.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
      job.kill("SIGINT");
      const { code, stderr } = await job.finished;
      expect(code, stderr).toBe(130);
      const told = [...stderr.matchAll(/^slimsr: interrupted after step (\d+) of 100000; all is saved/gm)];
      expect(told).toHaveLength(1);
      const steps = stepsOf(await journalOf(run));
      expect(steps.at(-1)).toBe(Number(told[0]?.[1]));
      const { metadata } = readSafetensors(await readFile(join(run, "checkpoints", "latest.safetensors")), "latest");
      expect(JSON.parse(metadata.slimsr_run ?? "").step).toBe(steps.at(-1));
    });

    it("tells once what can't be shared out, before any work", { timeout: 120_000 }, async () => {
      const folder = await temporaryFolder();
      const run = join(folder, "run");
      const args = ["compress", "--teacher", await smallTeacher(folder), ...SHORT, "--steps", "2", "--out", run];
      const refused = await ranks("Open MPI", 2, ...args, "--method", "csd").finished;
      expect(refused.code).toBe(2);
      expect(refused.stderr.match(/^slimsr: .*/gm)).toEqual([
        expect.stringMatching(/^slimsr: the contrastive loss .* 2 ranks .*--accumulate 2/),
      ]);
      await expect(stat(join(run, "config.json"))).rejects.toThrow();
    });

    it("slims to what one process makes, and compares runs", { timeout: 600_000 }, async () => {
      const folder = await temporaryFolder();
      const teacher = await smallTeacher(folder);
      const slim = [
        "slim",
        "--teacher",
        teacher,
        "--train",
        IMAGES,
        "--calibration-patches",
        "7",
        "--width",
        "0.5",
        "--below-bicubic",
      ];
      const [one, several] = ["one", "several"].map((name) => join(folder, name)) as [string, string];
      const alone = await slimsr(...slim, "--out", one);
      expect(alone.code, alone.stderr).toBe(0);
      const together = await ranks("MPICH", 2, ...slim, "--out", several).finished;
      expect(together.code, together.stderr).toBe(0);
      const [expected, found] = await Promise.all(
        [one, several].map(async (path) => readSafetensors(await readFile(`${path}.safetensors`), path).tensors),
      );
      for (const [name, { data }] of expected ?? []) {
        const others = found?.get(name)?.data ?? [];
        const scale = Math.max(...data.map((value) => Math.abs(Number(value))));
        data.forEach((value, i) => {
          expect(Math.abs(Number(others[i]) - Number(value)), name).toBeLessThan(1e-3 * scale);
        });
      }
      const out = join(folder, "ablation");
      const ablate = [
        "ablate",
        "--teacher",
        teacher,
        ...SHORT,
        "--method",
        "kd",
        "--keep-outputs",
        "on",
        "--seed",
        "0,1",
        "--steps",
        "2",
      ];
      const compared = await ranks("Open MPI", 2, ...ablate, "--out", out, "--json").finished;
      expect(compared.code, compared.stderr).toBe(0);
      expect(JSON.parse(compared.stdout).rows).toHaveLength(1);
      expect(compared.stderr.match(/^run .*: begins$/gm)).toHaveLength(2);
    });
  });
});
