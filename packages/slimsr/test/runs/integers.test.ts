import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeOnnxFile } from "../../../core/src/export/onnx-file.js";
import { compress } from "../../src/runs/compress.js";
import { IMAGES, smallTeacher, temporaryFolder } from "../cli/runs.js";

it("a run writes and measures its students in integers too, where asked", { timeout: 240_000 }, async () => {
  const folder = await temporaryFolder();
  const out = join(folder, "run");
  const { outcome } = await compress({
    out,
    settings: {
      ...{ teacher: await smallTeacher(folder, 2), train: IMAGES, val: IMAGES, method: "slice", width: [0.5] },
      ...{ batch: 2, patch: 12, threads: 1, validationPatch: 16, calibrationPatches: 2, belowBicubic: true },
      ...{ steps: 1, warmup: 0, quantise: true },
    },
  });
  const file = join(out, "student-w0.5-int8.onnx");
  expect(outcome.students[0]?.files).toContain(file);
  expect(describeOnnxFile("int8.onnx", await readFile(file)).bits).toBeGreaterThan(6);
  const rows = Object.fromEntries(outcome.rows.map((row) => [row.model, row]));
  expect(rows["student-int8"]).toMatchObject({ width: 0.5, bytes: (await readFile(file)).length });
  expect(Math.abs((rows["student-int8"]?.psnr ?? 0) - (rows.student?.psnr ?? 0))).toBeLessThan(0.5);
});
