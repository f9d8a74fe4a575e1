import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { InterruptedError } from "../../../core/src/errors.js";
import { mergedCost } from "../../../core/src/export/deployable.js";
import { loadModel } from "../../src/files/models.js";
import { compress } from "../../src/runs/compress.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, interruptedBehind, smallTeacher, temporaryFolder } from "../cli/runs.js";

const short = async (folder: string): Promise<PartialSettings> => ({
  ...{ teacher: await smallTeacher(folder, 2), train: IMAGES, val: IMAGES, width: [0.5], belowBicubic: true },
  ...{ method: "kd", steps: 4, batch: 2, patch: 12, threads: 1, validationPatch: 16, calibrationPatches: 2, warmup: 0 },
});

/** Numbers that the mean colour adds, which a graph of its own may move. */
const MEAN = 3;

it("trains students as they are exported, and ends in the same bytes when it goes on", async () => {
  const folder = await temporaryFolder();
  const settings = await short(folder);
  const [whole, cut, apart] = ["whole", "cut", "apart"].map((name) => join(folder, name)) as [string, string, string];
  await compress({ out: whole, settings });
  await expect(compress({ out: cut, settings }, interruptedBehind(2))).rejects.toThrow(InterruptedError);
  await compress({ resume: cut });
  for (const file of ["student-w0.5.safetensors", "student-w0.5.onnx"]) {
    expect((await readFile(join(cut, file))).equals(await readFile(join(whole, file))), file).toBe(true);
  }
  await compress({ out: apart, settings: { ...settings, merge: false } });
  const [merged, plain] = await Promise.all(
    [whole, apart].map((run) => loadModel(join(run, "student-w0.5.safetensors"))),
  );
  expect(plain?.descriptor.origin.kind).toBe("network");
  expect(merged?.descriptor.origin.kind).toBe("onnx");
  const parametersOf = (model: typeof merged) =>
    [...(model?.parameters.values() ?? [])].reduce((sum, { data }) => sum + data.length, 0);

  expect(parametersOf(merged)).toBe(mergedCost(plain as NonNullable<typeof plain>).parameters + MEAN);
  expect(parametersOf(merged)).toBeLessThan(parametersOf(plain));
}, 240_000);
