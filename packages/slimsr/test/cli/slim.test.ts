import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { photographPath } from "../../../../test/support/photographs.js";
import { describeWith, PYTORCH } from "../../../../test/support/requirement.js";
import { unitRangeOnnx } from "../../../../test/support/unit-range.js";
import { readOnnx } from "../../../core/src/onnx/index.js";
import { fixturePath } from "../../../core/test/checkpoints/support.js";
import { slimCommand } from "../../src/cli/slim.js";
import { loadCheckpoint } from "../../src/files/checkpoints.js";
import { loadModel } from "../../src/files/models.js";
import { listing, photographs, temporaryFolder } from "../datasets/folders.js";
import { Captured } from "./captured.js";

const TEACHER = new URL("../../../../assets/teachers/edsr_r8f64_x2.safetensors", import.meta.url).pathname;
const RCAN = fixturePath("rcan_x3.pt");

const captured = new Captured();

const run = (...words: string[]): Promise<string> => captured.run(slimCommand(), words);

async function smallSet(): Promise<string> {
  const folder = join(await temporaryFolder(), "Small");
  await mkdir(folder);
  await copyFile(photographPath("05"), join(folder, "photo.png"));
  return folder;
}

/** What an ONNX file makes of a ramp of colours, 16×16. */
async function outputOf(file: string, input = "lr", result = "sr"): Promise<Float32Array> {
  const sizes = new Proxy({}, { get: (_, axis) => (axis === "batch" ? 1 : 16) });
  const { graph } = readOnnx(await readFile(file), { sizes });
  const image = tensor([1, 3, 16, 16], (i) => (i * 37) % 256);
  return floats(await evaluate(graph, { [input]: image }), result);
}

describe("slimsr slim", () => {
  it("writes students and prints what they are worth", async () => {
    const [set, folder] = [await smallSet(), await temporaryFolder()];
    const words = ["--teacher", TEACHER, "--width", "0.5,0.25", "--calibration-patches", "6", "--data", set];
    const text = await run(...words, "--out", join(folder, "made", "student"));
    expect(await listing(join(folder, "made"))).toEqual([
      "student-w0.25.onnx",
      "student-w0.25.safetensors",
      "student-w0.5.onnx",
      "student-w0.5.safetensors",
    ]);
    expect(text).toMatch(/^aligned teacher: output differs from the original's by \d\.\de-\d of its range\n/);
    expect(text).toMatch(/student-w0\.5\.onnx: 195,971 parameters, 45\.6 G MACs, made in \d+\.\d s\n/);
    expect(text).toMatch(/\nset {4}model .* PSNR +SSIM +parameters +MACs +ms\/image +speed-up\n/);
    const psnr = (name: string) => Number(new RegExp(`Small +${name} .*×2 +([\\d.]+)`).exec(text)?.[1]);
    const [bicubic, teacher] = [psnr("bicubic"), psnr("edsr_r8f64_x2.safetensors")];
    expect(psnr("student-w0.5")).toBeGreaterThan(bicubic + 0.5);
    expect(psnr("student-w0.5")).toBeLessThan(teacher);
    expect(psnr("student-w0.25")).toBeLessThan(psnr("student-w0.5"));
    const { network } = await loadCheckpoint(join(folder, "made", "student-w0.5.safetensors"));
    expect(network).toMatchObject({ architecture: "edsr", scale: 2, blocks: 8 });
  }, 180_000);

  it("refits unless told not to, in every alignment, and prints JSON", async () => {
    const [set, folder] = [await smallSet(), await temporaryFolder()];
    const psnr: Record<string, number> = {};
    for (const words of [
      ["plain", "--no-refit"],
      ["pca", "--no-refit"],
      ["sort"],
      ["pca", "--gauss-newton", "0"],
      ["pca"],
    ]) {
      const report = JSON.parse(
        await run(
          ...["--teacher", TEACHER, "--width", "0.5", "--calibration-patches", "4", "--init", ...words],
          ...["--data", set, "--json", "--out", join(folder, "student.safetensors")],
        ),
      );
      expect(Object.keys(report)).toEqual(["teacher", "difference", "students", "rows"]);
      expect(report.difference).toBeLessThan(1e-5);
      expect(report.students).toMatchObject([
        {
          ...{ label: "student", width: 0.5, parameters: 195_971, channels: Array(10).fill(32) },
          files: [".safetensors", ".onnx"].map((ending) => join(folder, `student${ending}`)),
        },
      ]);
      expect(report.students[0].seconds).toBeGreaterThan(0);
      psnr[words.join(" ")] = report.rows.at(-1).psnr;
    }
    const {
      "plain --no-refit": plain = 0,
      "pca --no-refit": rotated = 0,
      "pca --gauss-newton 0": refit = 0,
      pca: together = 0,
      sort: sorted = 0,
    } = psnr;
    expect(rotated).toBeGreaterThan(plain + 5);
    expect(refit).toBeGreaterThan(rotated);
    expect(together).toBeGreaterThan(refit + 0.01);
    expect(sorted).toBeGreaterThan(plain + 5);
  }, 240_000);

  it("keeps to budgets", async () => {
    const [images, folder] = [await photographs(), await temporaryFolder()];
    const words = [
      ...["--teacher", RCAN, "--below-bicubic", "--train", images],
      ...["--calibration-patches", "3", "--json", "--out", join(folder, "student")],
    ];
    const [student, other] = [
      JSON.parse(await run(...words, "--budget", "1.5x")).students[0],
      JSON.parse(await run(...words, "--macs", "60%")).students[0],
    ];
    const whole = JSON.parse(await run(...words, "--width", "1")).students[0];
    expect(student.parameters).toBeLessThanOrEqual(whole.parameters / 1.5);
    expect(other.macs).toBeLessThanOrEqual(0.6 * whole.macs);
    expect(student.width).toBeLessThan(1);
    const timed = (...where: string[]) => run(...words, "--ms", "60000", ...where);
    const [quick, small] = [
      JSON.parse(await timed()).students[0],
      JSON.parse(await timed("--at", "96x48", "--threads", "1")).students[0],
    ];
    expect(quick.parameters).toBe(whole.parameters);
    expect(small.milliseconds).toBeGreaterThan(0);
    expect(small.milliseconds).toBeLessThan(quick.milliseconds / 10);
  }, 120_000);

  it("explains what it cannot do", async () => {
    const folder = await temporaryFolder();
    const out = ["--out", join(folder, "student")];
    const refused = (...words: string[]) => expect(run("--below-bicubic", ...words)).rejects;
    await refused("--teacher", "none.pt", "--width", "0.5", ...out).toThrow(
      "none.pt cannot be read: there is no such file",
    );
    await refused("--teacher", "none.onnx", "--width", "0.5", ...out).toThrow("none.onnx cannot be read");
    await refused("--teacher", RCAN, ...out).toThrow("say how slim: --width 0.5, --budget 4x, --macs 25% or --ms 40");
    await refused("--teacher", RCAN, "--width", "0.5").toThrow("--out");
    await refused("--teacher", RCAN, "--width", "0.5", "--out", join(folder, "a.pt")).toThrow(
      "slimsr convert makes a .pt",
    );
    await refused("--teacher", RCAN, "--width", "0.5", "--out", `${folder}/`).toThrow("is no file name");
    await refused("--teacher", RCAN, "--width", "0.01", ...out).toThrow("without channels; take a larger one");
    await refused("--teacher", RCAN, "--width", "1.5", ...out).toThrow("above 0 and up to 1");
    await refused("--teacher", RCAN, "--width", "0.5", "--no-refit", "--gauss-newton", "2", ...out).toThrow(
      "--gauss-newton starts from refitted convolutions; leave out --no-refit",
    );
    await refused("--teacher", RCAN, "--width", "0.5", "--gauss-newton", "1.5", ...out).toThrow(
      "whole number from 0 to 1000",
    );
    await refused("--teacher", RCAN, "--budget", "0.5x", ...out).toThrow("a factor from 1");
    // What it took of the file is said first.
    await refused("--teacher", fixturePath("basicsr_rcan.pt"), "--width", "0.01", ...out).toThrow("without channels");
    expect(captured.complaints).toContain("note: basicsr_rcan.pt: The weights are the averaged ones, of params_ema\n");
    await refused("--teacher", RCAN, "--macs", "0.25", ...out).toThrow("a percentage");
    await refused("--teacher", RCAN, "--width", "0.5", "--macs", "25%", ...out).toThrow("cannot be used with");
    await refused("--teacher", RCAN, "--budget", "9999x", "--calibration-patches", "1", ...out).toThrow(
      "no student fits a budget",
    );
    await refused("--teacher", RCAN, "--ms", "0.001", "--calibration-patches", "1", ...out).toThrow(
      "a single channel a layer takes",
    );
    await refused("--teacher", RCAN, "--width", "0.5", "--calibration-patches", "0", ...out).toThrow(
      "a whole number from 1",
    );
    await refused("--teacher", RCAN, "--width", "0.5", "--train", "none", ...out).toThrow("none");
    const small = await smallSet();
    await refused("--teacher", RCAN, "--width", "0.5", "--train", small, ...out).toThrow("every image is smaller than");
    await writeFile(join(folder, "odd.onnx"), "not a model");
    await refused("--teacher", join(folder, "odd.onnx"), "--width", "0.5", ...out).toThrow("odd.onnx");
    await writeFile(join(folder, "file"), "");
    await refused("--teacher", RCAN, "--width", "0.5", "--out", join(folder, "file", "student")).toThrow(
      "can't be made",
    );
  });

  it("slims an ONNX model in the range that it is found to have, with its names and metadata, and stops at another", async () => {
    const [set, folder] = [await smallSet(), await temporaryFolder()];
    const [teacher, student] = [join(folder, "unit.onnx"), join(folder, "student.onnx")];
    await writeFile(teacher, unitRangeOnnx(await loadModel(TEACHER), { author: "anyone" }));
    const words = ["--teacher", teacher, "--width", "0.5", "--calibration-patches", "4", "--json", "--data", set];
    const wrong = run(...words, "--range", "255", "--out", student);
    await expect(wrong).rejects.toThrow(/worse than bicubic .* with --range 1 it reaches/);
    expect(captured.complaints).toContain("with --range 255 unit.onnx's output is nothing like its input");
    expect(await listing(folder)).toEqual(["unit.onnx"]);
    const { rows, students } = JSON.parse(await run(...words, "--out", student));
    expect(captured.complaints).toContain("note: unit.onnx: range 0..1, found by running it");
    expect(students[0].files).toEqual([student]);
    const [bicubic, ...others] = rows.map(({ psnr }: { psnr: number }) => psnr);
    for (const psnr of others) expect(psnr).toBeGreaterThan(bicubic + 0.3);
    const { graph, metadata } = readOnnx(await readFile(student), { sizes: { batch: 1, height: 16, width: 16 } });
    expect([graph.inputs[0]?.name, ...graph.outputs.keys()]).toEqual(["image", "large"]);
    expect(metadata.author).toBe("anyone");
    expect((await loadModel(student)).descriptor.range).toBe(1);

    const refused = (...more: string[]) => expect(run("--teacher", teacher, "--width", "0.5", ...more)).rejects;
    const both = JSON.parse(await run(...words, "--out", join(folder, "both.safetensors")));
    const [kept, deployed] = ["both.safetensors", "both.onnx"].map((name) => join(folder, name));
    expect(both.students[0].files).toEqual([kept, deployed]);
    expect(await readFile(deployed as string)).toEqual(await readFile(student));
    expect((await loadModel(kept as string)).descriptor).toMatchObject({
      range: 1,
      origin: { metadata: { author: "anyone" } },
    });
    await refused("--out", teacher).toThrow("is the teacher, which would be lost");
    await refused("--out", student, "--res-scale", "0.1").toThrow("leave resScale out");
    await refused("--out", student, "--variant", "csd").toThrow("leave variant out");
    await refused("--out", student, "--scale", "3").toThrow("magnifies ×2, not ×3");
    await refused("--out", student, "--at", "96x48").toThrow("--at says where --ms is measured");
  }, 120_000);

  it("refuses an ONNX model without channels to drop", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "nearest.onnx"), imageModel(nearest));
    await expect(
      run("--teacher", join(folder, "nearest.onnx"), "--width", "0.5", "--out", join(folder, "student")),
    ).rejects.toThrow("nearest.onnx has no channels that could be dropped");
  });
});

/** Exports an untrained network with a linear stream, gates and dense connections, its height and width open. */
const EXPORT = `
import sys, torch
import torch.nn as nn
import torch.nn.functional as F

class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.first, self.second = nn.Conv2d(c, 2 * c, 3, padding=1), nn.Conv2d(2 * c, c, 3, padding=1)
        self.slope = nn.PReLU(2 * c)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1), nn.Sigmoid())

    def forward(self, x):
        y = self.second(self.slope(self.first(x)))
        return x + 0.2 * y * self.gate(y)

class Network(nn.Module):
    def __init__(self, c=16):
        super().__init__()
        self.head, self.blocks = nn.Conv2d(3, c, 3, padding=1), nn.ModuleList(Block(c) for _ in range(2))
        self.fuse, self.up, self.tail = nn.Conv2d(3 * c, c, 1), nn.Conv2d(c, 4 * c, 3, padding=1), nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, x):
        found = [self.head(x / 255 - 0.45)]
        for block in self.blocks:
            found.append(block(found[-1]))
        y = found[0] + self.fuse(torch.cat(found, 1))
        return (self.tail(F.pixel_shuffle(self.up(y), 2)) + 0.45) * 255

torch.manual_seed(3)
torch.onnx.export(Network().eval(), torch.rand(1, 3, 12, 10), sys.argv[1], opset_version=17, input_names=["image"], output_names=["result"],
                  dynamic_axes={"image": {2: "height", 3: "width"}, "result": {2: "tall", 3: "wide"}})
`;

describeWith(PYTORCH, "slimsr slim of a network that PyTorch has exported", (python) => {
  it("slims it: the whole width computes the same, half of it something near", async () => {
    const [images, folder] = [await photographs(), await temporaryFolder()];
    const teacher = join(folder, "teacher.onnx");
    execFileSync(python, ["-c", EXPORT, teacher], { stdio: "ignore" });
    const words = [
      ...["--teacher", teacher, "--below-bicubic"],
      "--train",
      images,
      "--calibration-patches",
      "8",
      "--json",
      "--out",
      join(folder, "slim.onnx"),
    ];
    const { students, difference } = JSON.parse(await run(...words, "--width", "1,0.5"));
    expect(difference).toBeLessThan(1e-5);
    const [whole, half] = students;
    expect([whole.files, half.files]).toEqual(["1", "0.5"].map((width) => [join(folder, `slim-w${width}.onnx`)]));
    expect(half.parameters).toBeLessThan(0.3 * whole.parameters);
    const ideal = await outputOf(teacher, "image", "result");
    const distance = async (file: string) => {
      const made = await outputOf(file, "image", "result");
      return Math.sqrt(made.reduce((sum, value, i) => sum + (value - (ideal[i] as number)) ** 2, 0) / made.length);
    };
    const mean = ideal.reduce((a, b) => a + b, 0) / ideal.length;
    const deviation = Math.sqrt(ideal.reduce((sum, value) => sum + (value - mean) ** 2, 0) / ideal.length);
    expect(await distance(whole.files[0])).toBeLessThan(0.01 * deviation);
    expect(await distance(half.files[0])).toBeLessThan(0.5 * deviation);
  }, 180_000);
});
