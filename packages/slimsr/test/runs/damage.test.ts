import { appendFile, copyFile, cp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { SlimsrError } from "../../../core/src/errors.js";
import { findRun, finishedBeside } from "../../src/runs/ablation.js";
import { compress } from "../../src/runs/compress.js";
import { RunFolder } from "../../src/runs/folder.js";
import { Journal, readJournal } from "../../src/runs/journal.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, smallTeacher, temporaryFolder } from "../cli/runs.js";

const DEEP = 50_000;
const ARRAYS = "[".repeat(DEEP) + "]".repeat(DEEP);
const OBJECTS = `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`;
const WRONG = ["null", "1", "[null]", '[{"slimsr":1}]', '{"a":1}', "garbage", "", ARRAYS, OBJECTS];

const settingsOf = (teacher: string): PartialSettings => ({
  belowBicubic: true,
  ...{ teacher, train: IMAGES, val: IMAGES, method: "kd", width: [0.5], batch: 2, patch: 12, threads: 1 },
  ...{ validationPatch: 16, calibrationPatches: 4, steps: 3, warmup: 0, checkpointEvery: 2 },
});

async function refusal(work: Promise<unknown>, what: string): Promise<string> {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  );
  expect(error, what.slice(0, 80)).toBeInstanceOf(SlimsrError);
  return (error as SlimsrError).message;
}

it("a run's folder that is damaged is told by its file, and how to mend it", { timeout: 240_000 }, async () => {
  const folder = await temporaryFolder();
  const whole = join(folder, "kd-w0.5-s0");
  const settings = settingsOf(await smallTeacher(folder));
  const complete = (await compress({ out: whole, settings })).settings;
  const run = join(folder, "copies", "kd-w0.5-s0");
  const copy = async (): Promise<string> => {
    await rm(run, { recursive: true, force: true });
    await cp(whole, run, { recursive: true });
    return run;
  };
  for (const name of ["environment.json", "config.json", "result.json"]) {
    const file = join(run, name);
    const damages: [string, () => Promise<unknown>][] = [
      ...WRONG.map((text): [string, () => Promise<unknown>] => [text, () => writeFile(file, text)]),
      ["cut off", () => truncate(file, 100)],
      ["a folder", () => rm(file).then(() => mkdir(file))],
    ];
    for (const [what, damage] of damages) {
      await copy();
      await damage();
      const opened = name === "result.json" ? findRun(run, complete) : compress({ resume: run });
      expect(await refusal(opened, `${name}: ${what}`)).toContain(file);
      if (name === "result.json") expect(await refusal(finishedBeside(dirname(run), []), what)).toContain(file);
    }
  }
  await copy();
  await writeFile(join(run, "environment.json"), "null");
  expect(await refusal(compress({ resume: run }), "null")).toBe(
    `${join(run, "environment.json")} is damaged: the whole is not what it should be (Invalid input: expected array, received null); ` +
      "remove it: it only tells which machines the run was on",
  );

  // A checkpoint of another network.
  await copy();
  const other = join(folder, "other");
  const larger = await smallTeacher(await temporaryFolder(), 2);
  await compress({ out: other, settings: { ...settings, teacher: larger, steps: 1 } });
  for (const name of ["latest", "best"]) {
    await copy();
    const file = join(run, "checkpoints", `${name}.safetensors`);
    await copyFile(join(other, "checkpoints", `${name}.safetensors`), file);
    expect(await refusal(compress({ resume: run }), name)).toMatch(/(latest|best)\.safetensors is another run's: /);
  }

  // Lines that are none are left out, and the run ends as it did.
  await copy();
  const journal = join(run, "metrics.jsonl");
  const before = await readFile(journal, "utf8");
  const lines = [
    ...WRONG,
    '{"kind":"step","step":1}',
    '{"kind":"validation","step":1}',
    `{"kind":"step","losses":${OBJECTS}}`,
  ];
  await appendFile(journal, lines.map((line) => `${line}\n`).join(""));
  const held = await RunFolder.hold(run);
  expect(await readJournal(held)).toHaveLength(before.trim().split("\n").length);
  await Journal.resume(held, 3);
  await held.release();
  expect(await readFile(journal, "utf8")).toBe(before);
  await appendFile(journal, "null\n");
  await compress({ resume: run });
  expect(
    (await readFile(join(run, "student-w0.5.onnx"))).equals(await readFile(join(whole, "student-w0.5.onnx"))),
  ).toBe(true);
});
