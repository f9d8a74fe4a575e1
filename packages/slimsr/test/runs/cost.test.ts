import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { compareRuns } from "../../src/runs/comparison.js";
import { compress } from "../../src/runs/compress.js";
import { type RunResult, readResult } from "../../src/runs/result.js";
import { IMAGES, journalOf, smallTeacher, temporaryFolder } from "../cli/runs.js";

it("a run's cost is that of all its steps, wherever the best checkpoint lies", { timeout: 240_000 }, async () => {
  const folder = await temporaryFolder();
  const out = join(folder, "run");
  const { outcome } = await compress({
    out,
    settings: {
      belowBicubic: true,
      ...{ teacher: await smallTeacher(folder), train: IMAGES, val: IMAGES, method: "slice", width: [0.5] },
      ...{ batch: 2, patch: 12, threads: 1, validationPatch: 16, calibrationPatches: 4 },
      // A rate that only does harm: the best student is the one before the first step.
      ...{ steps: 12, learningRate: 0.5, warmup: 0, validateEvery: 6, checkpointEvery: 4 },
    },
  });
  const { progress } = outcome;
  expect(progress.best?.step).toBe(0);
  expect(progress.step).toBe(12);
  const taken = (await journalOf(out)).reduce((sum, line) => sum + (line.kind === "step" ? line.seconds : 0), 0);
  expect(progress.seconds).toBeGreaterThanOrEqual(taken);

  const result = await readResult(out);
  expect(result?.progress).toEqual(progress);
  const { rows } = await compareRuns([{ name: "slice", folder: out, result: result as RunResult }]);
  expect(rows[0]?.secondsPerStep).toBeCloseTo(progress.seconds / 12, 9);
  const perSecond = /Steps a second<\/dt><dd class="figure">([\d.]+)</.exec(
    await readFile(join(out, "report.html"), "utf8"),
  );
  expect(Number(perSecond?.[1])).toBeCloseTo(12 / progress.seconds, 1);
});
