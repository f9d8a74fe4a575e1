import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { UsageError } from "../../../core/src/errors.js";
import { compress } from "../../src/runs/compress.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { smallTeacher, temporaryFolder } from "../cli/runs.js";
import { place } from "../datasets/folders.js";

vi.setConfig({ testTimeout: 120_000 });

it("test sets of one name are told apart, in the table and in the report", async () => {
  const folder = await temporaryFolder();
  await place(folder, {
    "train/a.png": noise(60, 50, 3, 8),
    "A/Set/HR/a.png": await photograph("05"),
    "B/Set/a.png": noise(60, 50, 3, 8, 2),
  });
  const settings: PartialSettings = {
    ...{ teacher: await smallTeacher(folder), train: join(folder, "train"), val: join(folder, "train") },
    belowBicubic: true,
    ...{ method: "slice", init: "plain", width: [0.5], steps: 1, batch: 2, patch: 12, validationPatch: 16, threads: 1 },
    data: [join(folder, "A", "Set", "HR"), join(folder, "B", "Set")],
  };
  const notes: string[] = [];
  const { outcome } = await compress({ out: join(folder, "run"), settings }, { note: (text) => notes.push(text) });
  expect(notes).toEqual([]);
  expect([...new Set(outcome.rows.map(({ set }) => set))]).toEqual(["A/Set", "B/Set"]);
  const page = await readFile(join(folder, "run", "report.html"), "utf8");
  for (const set of ["A/Set", "B/Set"]) {
    const psnr = (model: string) => outcome.rows.find((row) => row.set === set && row.model === model)?.psnr as number;
    const lost = psnr("teacher before") - psnr("student");
    expect(page).toContain(
      `On ${set} the student of width 0.5 reaches ${psnr("student").toFixed(3)} dB, ${Math.abs(lost).toFixed(3)} dB`,
    );
  }
  const twice = { ...settings, data: [join(folder, "B", "Set"), join(folder, "B", "Set")] };
  await expect(compress({ out: join(folder, "other"), settings: twice })).rejects.toThrow(UsageError);
});
