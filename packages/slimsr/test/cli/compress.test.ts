import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCheckpoint } from "../../src/files/checkpoints.js";
import { IMAGES, journalOf, SHORT, slimsr, smallTeacher, stepsOf, temporaryFolder } from "./runs.js";

const MINUTES = 60_000;

describe("slimsr compress", () => {
  it("makes of a teacher students, their table and a report", { timeout: 4 * MINUTES }, async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const out = join(folder, "run");
    const settings = ["--method", "csd", "--teacher-weights", "shared", "--width", "0.5,0.25", "--steps", "12"];
    const more = [
      "--negatives",
      "1",
      "--contrasted",
      "1",
      "--validate-every",
      "6",
      "--checkpoint-every",
      "4",
      "--json",
    ];
    const { code, stdout, stderr } = await slimsr(
      "compress",
      "--teacher",
      teacher,
      ...SHORT,
      ...settings,
      ...more,
      "--out",
      out,
    );
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout);
    expect(result.rows.map(({ model, width }: { model: string; width: number }) => [model, width])).toEqual([
      ["bicubic", null],
      ["teacher before", 1],
      ["teacher", 1],
      ["student", 0.5],
      ["student", 0.25],
    ]);
    expect(result.progress).toMatchObject({ step: expect.any(Number), best: { psnr: expect.any(Number) } });
    expect(stderr).toMatch(/^step 0 \| val teacher \d+\.\d{3} dB, student \d+\.\d{3} dB, student \d+\.\d{3} dB$/m);
    expect(stderr).toMatch(/Teacher drift on images: [+−]\d+\.\d{3} dB/);
    const files = await readdir(out);
    for (const name of [
      "config.json",
      "environment.json",
      "metrics.jsonl",
      "report.html",
      "result.json",
      "teacher.safetensors",
    ]) {
      expect(files).toContain(name);
    }
    expect(files.filter((name) => name.startsWith("events.out.tfevents."))).toHaveLength(1);
    expect(files).not.toContain("lock");
    for (const [i, width] of [0.5, 0.25].entries()) {
      expect(result.students[i]).toMatchObject({
        width,
        files: [join(out, `student-w${width}.safetensors`), join(out, `student-w${width}.onnx`)],
      });
      expect(result.students[i].difference).toBeLessThan(0.05);
      const student = await loadCheckpoint(join(out, `student-w${width}.safetensors`));
      expect(student.parameters.get("head.weight")?.shape[0]).toBe(16 * width);
    }
    const slim = await loadCheckpoint(join(out, "slim.safetensors"));
    expect(slim.widths).toEqual([1, 0.5, 0.25]);
    const lines = await journalOf(out);
    expect(stepsOf(lines)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(lines.filter(({ kind }) => kind === "validation").map(({ step }) => step)).toEqual([0, 6, 12]);
    expect(lines.at(-2)).toHaveProperty(["losses", "contrastive.1"]);
    // The exported students are what `evaluate` measures of the slim file at their widths.
    const evaluated = await slimsr(
      "evaluate",
      "--model",
      join(out, "slim.safetensors"),
      "--data",
      IMAGES,
      "--width",
      "0.5,0.25",
      "--json",
    );
    const rows = JSON.parse(evaluated.stdout).filter(({ model }: { model: string }) => model !== "bicubic");
    for (const [i, { psnr }] of rows.entries()) expect(psnr).toBeCloseTo(result.rows[3 + i].psnr, 3);
  });

  it.each([
    ["a config file's unknown key", ["--config", "CONFIG"], '{"learning_rate": 1}', "unknown key learning_rate"],
    ["a config file that is no JSON", ["--config", "CONFIG"], "{", "is not a JSON object of settings"],
    ["a folder of training images that isn't there", ["--train", "nowhere"], "{}", "nowhere: cannot be read"],
    ["a patch larger than an image", ["--patch", "4000"], "{}", "is smaller than a patch of 4000×4000"],
    ["a width that leaves nothing", ["--width", "0.01"], "{}", "width 0.01 leaves layer head"],
    ["a VGG19 that is another file", ["--method", "csd", "--vgg", "package.json"], "{}", "package.json is neither"],
  ])("refuses %s at once", { timeout: MINUTES }, async (_, args, config, message) => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    await writeFile(join(folder, "config.json"), config);
    const given = args.map((arg) => (arg === "CONFIG" ? join(folder, "config.json") : arg));
    const out = join(folder, "run");
    const { code, stderr } = await slimsr(
      "compress",
      "--teacher",
      teacher,
      ...SHORT,
      "--steps",
      "3",
      "--out",
      out,
      ...given,
    );
    expect([1, 2]).toContain(code);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await stat(join(out, "lock")).catch(() => undefined)).toBeUndefined();
  });
});
