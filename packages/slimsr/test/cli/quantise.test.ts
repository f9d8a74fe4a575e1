import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { convertCommand } from "../../src/cli/convert.js";
import { evaluateCommand } from "../../src/cli/evaluate.js";
import { exportCommand } from "../../src/cli/export.js";
import { inspectCommand } from "../../src/cli/inspect.js";
import { quantiseCommand } from "../../src/cli/quantise.js";
import { slimCommand } from "../../src/cli/slim.js";
import { fromJson } from "../../src/files/json.js";
import { Captured } from "./captured.js";
import { smallTeacher, temporaryFolder } from "./runs.js";

const captured = new Captured();
const FEW = ["--calibration-patches", "2", "--threads", "1"];

describe("slimsr quantise", () => {
  it("writes a network of integers that inspect and evaluate read, and says what it is worth", async () => {
    const folder = await temporaryFolder();
    const [teacher, out] = [await smallTeacher(folder, 2), join(folder, "int8.onnx")];
    const report = await captured.run(quantiseCommand(), [teacher, "-o", out, "--target", "any", ...FEW, "--json"]);
    expect(fromJson(report)).toMatchObject({
      out,
      bits: 7,
      convolutions: { integer: 7, all: 10 },
      integerNodes: { QLinearConv: 7, QLinearAdd: 2 },
      milliseconds: { float: expect.any(Number), integer: expect.any(Number) },
      psnr: { float: expect.any(Number), integer: expect.any(Number) },
      bytes: { integer: (await readFile(out)).length },
    });
    expect(await captured.run(inspectCommand(), [out])).toContain("×2");
    const data = "test/fixtures/images";
    const rows = await captured.run(evaluateCommand(), ["--model", teacher, out, "--data", data, "--only", "1"]);
    expect(rows).toMatch(/MACs +bits +file/);
    expect(rows).toMatch(/int8\.onnx .* 7 +\d+\.\d KiB/);
    await expect(captured.run(quantiseCommand(), [teacher, "-o", out, ...FEW])).rejects.toThrow(/exists; give --force/);
    await expect(captured.run(quantiseCommand(), [out, "-o", join(folder, "again.onnx"), ...FEW])).rejects.toThrow(
      /quantised already/,
    );
    for (const command of [convertCommand(), exportCommand()]) {
      const again = captured.run(command, [out, "--out", join(folder, "again.onnx")]);
      await expect(again).rejects.toThrow(/quantised already/);
    }
  });

  it("is what export --int8 does", async () => {
    const folder = await temporaryFolder();
    const [teacher, out] = [await smallTeacher(folder, 2), join(folder, "int8.onnx")];
    const report = await captured.run(exportCommand(), [teacher, "-o", out, "--int8", "--json"]);
    expect(fromJson(report)).toMatchObject({ out, convolutions: { integer: 7, all: 10 } });
    const both = captured.run(exportCommand(), [teacher, "-o", out, "--int8", "--fp16", "--force"]);
    await expect(both).rejects.toThrow(/--int8 is by itself/);
  });

  it("refuses what it can't write, and inputs without images", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const run = (...words: string[]) => captured.run(quantiseCommand(), [teacher, ...words]);
    await expect(run("-o", join(folder, "int8.safetensors"))).rejects.toThrow(/doesn't end in \.onnx/);
    await expect(run("-o", join(folder, "a.onnx"), "--train-input", folder)).rejects.toThrow(/--train/);
    await expect(run("-o", join(folder, "a.onnx"), "--bits", "9")).rejects.toThrow(/from 2 to 8/);
    await mkdir(join(folder, "empty"));
    // Before images are looked for.
    const misspelt = ["--keep-float", "body.0.convl", "--train", join(folder, "empty")];
    await expect(run("-o", join(folder, "a.onnx"), ...misspelt)).rejects.toThrow(
      /no layer body\.0\.convl to keep in float; nearest are body\.0\.conv1, /,
    );
    await expect(run("-o", join(folder, "a.onnx"), "--train", join(folder, "empty"))).rejects.toThrow(/empty/);
  });
});

describe("slimsr slim --quantise", () => {
  it("writes each student in integers too", async () => {
    const folder = await temporaryFolder();
    const [teacher, out] = [await smallTeacher(folder, 2), join(folder, "student.safetensors")];
    const words = ["--teacher", teacher, "--out", out, "--width", "0.5", "--calibration-patches", "2"];
    const printed = await captured.run(slimCommand(), [...words, "--below-bicubic", "--quantise"]);
    expect(printed).toContain(`${join(folder, "student-int8.onnx")}`);
    expect(printed).toMatch(/student-int8: .* dB of patches in integers/);
    expect((await readFile(join(folder, "student-int8.onnx"))).length).toBeGreaterThan(1000);
  });
});
