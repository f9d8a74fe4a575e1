import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { storedOnnx } from "../../../core/src/formats/model-file.js";
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

  it("writes a checkpoint of the same integers, which all that reads the ONNX file of it reads", async () => {
    const folder = await temporaryFolder();
    const here = (name: string) => join(folder, name);
    const [teacher, packed, onnx] = [await smallTeacher(folder, 2), here("int4.safetensors"), here("int4.onnx")];
    const words = ["--bits", "4", "--target", "vnni", ...FEW, "--json"];
    const report = fromJson(await captured.run(quantiseCommand(), [teacher, "-o", packed, ...words]));
    expect(report).toMatchObject({ bits: 4, bytes: { integer: (await readFile(packed)).length } });
    expect(await captured.run(exportCommand(), [packed, "-o", onnx])).toMatch(
      /int4\.onnx: the same integers .* 4 bits;/,
    );
    await captured.run(convertCommand(), [onnx, "--out", here("again.safetensors")]);
    expect((await readFile(here("again.safetensors"))).equals(await readFile(packed))).toBe(true);

    const inspect = async (file: string) => fromJson(await captured.run(inspectCommand(), [file, "--json"])) as object;
    expect({ ...(await inspect(packed)), file: onnx }).toEqual(await inspect(onnx));
    const measured = ["--model", packed, onnx, "--data", "test/fixtures/images", "--only", "1", "--json"];
    const rows = fromJson(await captured.run(evaluateCommand(), measured));
    const [, own, other] = rows as { psnr: number; bits: number; bytes: number }[];
    expect(own?.psnr).toBe(other?.psnr);
    expect([own?.bits, own?.bytes]).toEqual([4, (await readFile(packed)).length]);
    expect(other?.bytes).toBe((await readFile(onnx)).length);

    for (const [command, rest, reason] of [
      [quantiseCommand(), ["-o", here("a.onnx")], /int4\.safetensors is quantised already/],
      [convertCommand(), ["--out", here("a.pt")], /int4\.safetensors is quantised already/],
      [exportCommand(), ["-o", here("a.onnx"), "--fp16"], /is written as it is; leave --fp16 out/],
      [exportCommand(), ["-o", here("a.onnx"), "--quality", "0.5"], /of one width/],
    ] as const) {
      await expect(captured.run(command, [packed, ...rest])).rejects.toThrow(reason);
    }
  });

  it("refuses what it can't write, and inputs without images", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const run = (...words: string[]) => captured.run(quantiseCommand(), [teacher, ...words]);
    await expect(run("-o", join(folder, "int8.pt"))).rejects.toThrow(/doesn't end in \.onnx or \.safetensors/);
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
    const onnx = await readFile(join(folder, "student-int8.onnx"));
    expect(onnx.length).toBeGreaterThan(1000);
    const packed = join(folder, "student-int8.safetensors");
    expect(printed).toContain(packed);
    expect(Buffer.from(storedOnnx(await readFile(packed), packed) ?? []).equals(onnx)).toBe(true);
  });
});
