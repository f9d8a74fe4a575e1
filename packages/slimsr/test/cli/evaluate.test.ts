import { spawn } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { endless } from "../../../../test/support/hostile-models.js";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { noise, photographPath } from "../../../../test/support/photographs.js";
import { clip } from "../../../core/src/operators/index.js";
import { fixturePath } from "../../../core/test/checkpoints/support.js";
import { evaluateCommand } from "../../src/cli/evaluate.js";
import { listing, photographs, place, temporaryFolder } from "../datasets/folders.js";
import { Captured } from "./captured.js";

const captured = new Captured();

const run = (...words: string[]): Promise<string> => captured.run(evaluateCommand(), ["--threads", "1", ...words]);

/** A set of one photograph. */
async function smallSet(name: string): Promise<string> {
  const folder = join(await temporaryFolder(), name);
  await mkdir(folder);
  await copyFile(photographPath("05"), join(folder, "photo.png"));
  return folder;
}

describe("slimsr evaluate", () => {
  it("prints a row for bicubic and for each width on each set", async () => {
    const [first, second] = [await photographs(), await smallSet("Second")];
    const rows = JSON.parse(
      await run("--model", fixturePath("edsr.pt"), "--width", "1,0.5", "--data", first, second, "--json"),
    );
    expect(rows.map((row: Record<string, unknown>) => [row.set, row.model, row.width])).toEqual(
      [first.split("/").at(-1), "Second"].flatMap((set) => [
        [set, "bicubic", null],
        [set, "edsr.pt", 1],
        [set, "edsr.pt", 0.5],
      ]),
    );
    expect(captured.complaints).toContain(
      "note: edsr.pt: The file doesn't hold the residual scale: 1 is assumed, as edsr-pytorch's code has it; --res-scale says another\n",
    );
    for (const row of rows) {
      expect(Object.keys(row)).toEqual([
        "model",
        "width",
        "set",
        "scale",
        "metric",
        "psnr",
        "ssim",
        "parameters",
        "macs",
        "msPerImage",
        ...(row.model === "bicubic" ? [] : ["notes"]),
      ]);
      expect(row.psnr).toBeGreaterThan(0);
      expect(row.scale).toBe(2);
      expect(row.metric).toBe("PSNR of Y, border 2");
    }
    expect(rows[1].notes[0]).toMatch(
      /^edsr\.pt on .*: [\d.]+ dB is below bicubic's [\d.]+\. A wrong --range \(1 or 255\)/,
    );
    expect(captured.complaints).toContain(`note: ${rows[1].notes[0]}\n`);
    expect(rows[1].parameters).toBeGreaterThan(rows[2].parameters);
    expect(rows[1].msPerImage).toBeGreaterThan(0);
  });

  it("gives the three formats of the same weights the same figures", async () => {
    const set = await smallSet("Small");
    const rows = [];
    for (const file of ["edsr.pt", "edsr.safetensors", "edsr.legacy.pth"]) {
      rows.push(JSON.parse(await run("--model", fixturePath(file), "--data", set, "--json"))[1]);
    }
    expect(new Set(rows.map(({ psnr }) => psnr)).size).toBe(1);
  });

  it("prints tables, images and notes, and writes the images", async () => {
    const [set, folder] = [await smallSet("Small"), await temporaryFolder()];
    const [model, out] = [join(folder, "fixed.onnx"), join(folder, "out")];
    await writeFile(model, imageModel(nearest, { fixed: [64, 64] }));
    const text = await run("--model", model, "--data", set, "--images", "--niqe", "--save", out);
    expect(text).toMatch(/^set {4}image {2}model .* NIQE/);
    expect(text).toMatch(/Small {2}photo {2}fixed\.onnx/);
    expect(captured.complaints).toContain("note: fixed.onnx on Small: 1 of 1 images are smaller than a size");
    expect(await listing(out)).toEqual(["Small/bicubic/photo.png", "Small/fixed.onnx/photo.png"]);
    expect(await run("--model", model, "--data", set, "--csv")).toMatch(/^set,model,width,scale,PSNR,[^:]+$/);
    expect(captured.complaints).toContain("note: fixed.onnx on Small");
    expect(await run("--model", model, "--data", set, "--markdown")).toMatch(/^\| set \| model \|/);
  });

  it("follows DIV2K's convention", async () => {
    const [set, folder] = [await smallSet("Small"), await temporaryFolder()];
    const model = join(folder, "a.onnx");
    await writeFile(model, imageModel(nearest));
    const psnr = async (...words: string[]) =>
      JSON.parse(await run("--model", model, "--data", set, "--json", ...words))[1].psnr;
    expect(await psnr("--div2k")).toBe(await psnr("--rgb", "--shave", "8"));
    expect(await psnr("--div2k")).not.toBe(await psnr());
    expect(await psnr("--shave", "2")).toBe(await psnr());
  });

  it("finds images too small to be measured before anything runs, or goes on without them", async () => {
    const [set, folder] = [await smallSet("Small"), await temporaryFolder()];
    await place(set, { "tiny.png": noise(14, 40, 3, 8) });
    const model = join(folder, "a.onnx");
    await writeFile(model, imageModel(nearest));
    const words = ["--model", model, "--data", set, "--json"];
    await expect(run(...words)).rejects.toThrow("tiny: an image of 14×40 pixels is too small to be measured");
    expect(captured.complaints).not.toContain("evaluate [");
    const [row] = JSON.parse(await run(...words, "--skip-bad", "--images"));
    expect(row.images.map(({ image }: { image: string }) => image)).toEqual(["photo"]);
    expect(captured.complaints).toContain("skipped ");
    expect(JSON.parse(await run(...words, "--shave", "1"))[0].psnr).toBeGreaterThan(0);
  });

  it("compares models, sets of one name too", async () => {
    const [one, two] = [await smallSet("Set"), await smallSet("Set")];
    const folder = await temporaryFolder();
    const models = ["a.onnx", "b.onnx"].map((name) => join(folder, name));
    for (const model of models) await writeFile(model, imageModel(nearest));
    const rows = JSON.parse(await run("--model", ...models, "--data", one, two, "--json"));
    const parent = (path: string) => path.split("/").slice(-2).join("/");
    expect(rows.map(({ set, model }: Record<string, string>) => `${set} ${model}`)).toEqual(
      [one, two].flatMap((path) => ["bicubic", "a.onnx", "b.onnx"].map((model) => `${parent(path)} ${model}`)),
    );
    await expect(run("--model", ...models, "--data", one, one)).rejects.toThrow("two are called");
  });

  it("measures networks that restore images, of which the table says what PSNR is of", async () => {
    const [set, folder] = [await smallSet("Small"), await temporaryFolder()];
    const [clamped, grey] = [join(folder, "clamped.onnx"), join(folder, "grey.onnx")];
    await writeFile(
      clamped,
      imageModel((x) => clip(x, 0, 1)),
    );
    await writeFile(
      grey,
      imageModel((x) => clip(x, 0, 255), { channels: 1 }),
    );
    const words = ["--model", clamped, "--data", set, "--degrade", "noise:25"];
    const text = await run(...words);
    expect(text).toMatch(/^set {4}model .* PSNR of RGB, border 0 +SSIM/);
    expect(text).toMatch(/\nSmall {2}input +– +×1 +2[01]\.\d{3} /);
    expect(captured.complaints).toContain("note: clamped.onnx: range 0..1, found by running it");
    const [input, row] = JSON.parse(await run(...words, "--json"));
    expect(row).toMatchObject({ model: "clamped.onnx", metric: "PSNR of RGB, border 0", psnr: input.psnr });
    const [, luma] = JSON.parse(await run(...words, "--metric", "y", "--json"));
    expect(luma).toMatchObject({ metric: "PSNR of Y, border 0" });
    expect(luma.psnr).toBeGreaterThan(row.psnr);
    const [, noisy] = JSON.parse(await run("--model", grey, "--data", set, "--degrade", "jpeg:30", "--json"));
    expect(noisy.metric).toBe("PSNR of grey, border 0");
    const wrong = JSON.parse(await run(...words, "--range", "255", "--json"))[1];
    expect(wrong.psnr).toBeLessThan(10);
    expect(captured.complaints).toContain("with --range 255 clamped.onnx's output is nothing like its input");
    await expect(run("--model", clamped, grey, "--data", set, "--degrade", "noise:25")).rejects.toThrow(
      "grey.onnx takes grey images and clamped.onnx colour ones; evaluate each by itself",
    );
  });

  it("takes a folder of inputs and one of truths", async () => {
    const folder = await temporaryFolder();
    await place(folder, { "SOTS/hazy/1_2.png": noise(40, 30, 3, 8, 1), "SOTS/clear/1.png": noise(40, 30, 3, 8, 2) });
    const [hazy, clear] = ["hazy", "clear"].map((name) => join(folder, "SOTS", name)) as [string, string];
    const model = join(folder, "same.onnx");
    await writeFile(
      model,
      imageModel((x) => clip(x, 0, 255)),
    );
    const rows = JSON.parse(await run("--model", model, "--input", hazy, "--truth", clear, "--json", "--images"));
    expect(rows[1].images[0]).toMatchObject({ image: "1_2", psnr: rows[0].psnr });
    const refused = (...words: string[]) => expect(run("--model", model, ...words)).rejects;
    await refused("--input", hazy).toThrow("--input and --truth go together");
    await refused("--truth", clear).toThrow("--input and --truth go together");
    await refused("--input", hazy, "--truth", clear, "--data", clear).toThrow("cannot be used with");
    await refused("--input", hazy, "--truth", clear, "--degrade", "noise:3").toThrow("cannot be used with");
    await refused("--data", clear).toThrow("nothing says what it restores");
    await refused("--data", clear, "--degrade", "fog:3").toThrow('"fog:3" is no degradation; there are bicubic');
    await place(folder, { "SOTS/hazy/1_3.png": noise(40, 31, 3, 8, 1) });
    await refused("--input", hazy, "--truth", clear).toThrow(/hazy\/1_3\.png: 40×31 pixels.* one size/);
  });

  it("explains what it cannot do", async () => {
    const set = await smallSet("Small");
    const edsr = fixturePath("edsr.pt");
    const refused = (...words: string[]) => expect(run(...words)).rejects;
    await refused("--model", "none.pt", "--data", set).toThrow("none.pt cannot be read: there is no such file");
    await refused("--model", "none.onnx", "--data", set).toThrow("none.onnx cannot be read");
    await refused("--model", edsr, "--data", "none").toThrow("none: cannot be read");
    await refused("--model", edsr, "--data", await temporaryFolder()).toThrow("there is no image in this folder");
    await refused("--model", edsr, "--data", set, "--scale", "3").toThrow("magnifies ×2, not ×3");
    await refused("--model", edsr, "--data", set, "--width", "0").toThrow("above 0");
    await refused("--model", edsr, "--data", set, "--width", "0.01").toThrow("without channels");
    await refused("--model", edsr, fixturePath("edsr_x4.pt"), "--data", set).toThrow("evaluate each scale by itself");
    await refused("--model", edsr, "--data", set, "--json", "--csv").toThrow("cannot be used with");
    await refused("--model", edsr, "--data", set, "--div2k", "--shave", "1").toThrow("cannot be used with");
    await refused("--model", edsr, "--data", set, "--only", "7").toThrow("no image lies in the range");
    await refused("--model", edsr).toThrow("--data");
    const folder = await temporaryFolder();
    await writeFile(join(folder, "odd.onnx"), "not a model");
    await refused("--model", join(folder, "odd.onnx"), "--data", set).toThrow("odd.onnx");
    await writeFile(join(folder, "a.onnx"), imageModel(nearest));
    await refused("--model", join(folder, "a.onnx"), "--data", set, "--width", "0.5").toThrow("is an ONNX model");
  });

  it("ends quietly when interrupted", async () => {
    const folder = await temporaryFolder();
    for (let i = 0; i < 40; i++) await copyFile(photographPath("23"), join(folder, `${i}.png`));
    const main = fileURLToPath(new URL("../../bin/slimsr.js", import.meta.url));
    const words = ["evaluate", "--model", fixturePath("edsr.pt"), "--data", folder, "--self-ensemble"];
    const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    let [printed, told] = ["", ""];
    child.stdout.on("data", (text) => {
      printed += text;
    });
    child.stderr.on("data", (text) => {
      told += text;
      if (told.includes("evaluate [") && !child.killed) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code, told).toBe(130);
    expect(printed).toBe("");
    expect(told).toMatch(/slimsr: interrupted after \d+ of 80 images/);
  });

  it("ends at once when interrupted, whatever a model of others does", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "endless.onnx"), endless());
    const main = fileURLToPath(new URL("../../bin/slimsr.js", import.meta.url));
    const words = [
      "evaluate",
      "--model",
      join(folder, "endless.onnx"),
      "--scale",
      "2",
      "--data",
      await smallSet("Set"),
    ];
    const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    let told = "";
    child.stderr.on("data", (text) => {
      told += text;
    });
    await expect.poll(() => told, { timeout: 30_000 }).toContain("images");
    // The model warms up by now.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const start = performance.now();
    child.kill("SIGINT");
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code, told).toBe(130);
    expect(told).toContain("slimsr: interrupted");
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
