import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { exportModel } from "../../../core/src/export/onnx.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { networkModel } from "../../../core/src/model/model.js";
import { clip } from "../../../core/src/operators/index.js";
import { fixturePath, plain } from "../../../core/test/checkpoints/support.js";
import { convertCommand } from "../../src/cli/convert.js";
import { loadCheckpoint } from "../../src/files/checkpoints.js";
import { loadModel } from "../../src/files/models.js";

let folder: string;
let output: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slimsr-"));
  output = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

async function convert(input: string, out: string, ...words: string[]): Promise<void> {
  await convertCommand().parseAsync([input, "--out", out, ...words], { from: "user" });
}

describe("slimsr convert", () => {
  it("to safetensors and back to PyTorch changes nothing", async () => {
    for (const name of ["edsr_x4.pt", "rcan_x3.pt", "carn_x4.pt", "csd_carn_x3.pt"]) {
      const [own, torch] = [join(folder, `${name}.safetensors`), join(folder, name)];
      await convert(fixturePath(name), own);
      await convert(own, torch);
      const [original, described, again] = [
        await loadCheckpoint(fixturePath(name)),
        await loadCheckpoint(own),
        await loadCheckpoint(torch),
      ];
      expect(described.network).toEqual(original.network);
      expect(again.network).toEqual(original.network);
      expect(again.source).toBe(original.source);
      expect(plain(described.parameters)).toEqual(plain(original.parameters));
      expect(plain(again.parameters)).toEqual(plain(original.parameters));
    }
  });

  it("says which weights it took and what it assumed", async () => {
    await convert(fixturePath("basicsr_rcan.pt"), join(folder, "rcan.safetensors"));
    expect(output).toContain("The weights are the averaged ones, of params_ema\n");
    output = "";
    await convert(fixturePath("edsr.pt"), join(folder, "edsr.safetensors"));
    expect(output).toContain(
      "The file doesn't hold the residual scale: 1 is assumed, as edsr-pytorch's code has it; --res-scale",
    );
    output = "";
    await convert(fixturePath("edsr.pt"), join(folder, "told.safetensors"), "--res-scale", "1");
    expect(output).not.toContain("assumed");
  });

  it("keeps what it was told beside the file", async () => {
    const path = join(folder, "edsr.safetensors");
    await convert(fixturePath("edsr.pt"), path, "--res-scale", "0.25");
    expect((await loadCheckpoint(path)).network).toMatchObject({ resScale: 0.25 });
    await convert(path, join(folder, "csd.pth"), "--names", "csd");
    expect(output).toContain("csd.pth: EDSR ×2, 2 blocks of 4 features, csd names");
    expect(output).toContain("build the network with 0.25");
    expect((await loadCheckpoint(join(folder, "csd.pth"))).source).toBe("csd");
  });

  it("never replaces a file unasked, and leaves none half-written", async () => {
    const path = join(folder, "kept.pt");
    writeFileSync(path, "kept");
    await expect(convert(fixturePath("edsr.pt"), path)).rejects.toThrow("kept.pt exists; give --force");
    expect(readFileSync(path, "utf8")).toBe("kept");
    await expect(convert(fixturePath("make_fixtures.py"), path, "--force")).rejects.toThrow("make_fixtures.py");
    expect(readFileSync(path, "utf8")).toBe("kept");
    await convert(fixturePath("edsr.pt"), path, "--force");
    expect((await loadCheckpoint(path)).network.architecture).toBe("edsr");
    expect(readdirSync(folder)).toEqual(["kept.pt"]);
  });

  it("writes ONNX, which is read as the same network", async () => {
    const path = join(folder, "x.onnx");
    await convert(fixturePath("edsr.pt"), path);
    const { network, parameters } = await loadCheckpoint(fixturePath("edsr.pt"));
    expect(readFileSync(path)).toEqual(Buffer.from(exportModel(networkModel(network, parameters))));
    expect((await loadModel(path)).descriptor).toMatchObject({ scale: 2, range: 255 });
  });

  it("keeps an ONNX graph beside its weights, and writes it as ONNX again", async () => {
    const source = new URL("../../../../test/fixtures/onnx/published/plainusr_u_x2.onnx", import.meta.url).pathname;
    const [kept, direct, again] = ["kept.safetensors", "direct.onnx", "again.onnx"].map((name) => join(folder, name));
    await convert(source, direct as string);
    await convert(source, kept as string);
    await convert(kept as string, again as string);
    expect(output).toContain("kept.safetensors: super-resolution ×2, 3 channels, range 0..1\n");
    expect(readFileSync(again as string)).toEqual(readFileSync(direct as string));
    await expect(convert(kept as string, join(folder, "x.pth"))).rejects.toThrow(/name an \.onnx, or a \.safetensors/);
    await expect(convert(kept as string, join(folder, "x.onnx"), "--names", "csd")).rejects.toThrow(
      "leave --names out",
    );
  });

  it("explains what it cannot write", async () => {
    const input = fixturePath("edsr.pt");
    await expect(convert(input, join(folder, "x.bin"))).rejects.toThrow("none of .safetensors, .pt and .pth");
    await expect(convert(input, join(folder, "x.onnx"), "--names", "csd")).rejects.toThrow("leave --names out");
    await expect(convert("x.onnx", join(folder, "x.pt"))).rejects.toThrow("x.onnx is an ONNX model");
    await expect(convert(input, join(folder, "no", "x.pt"))).rejects.toThrow(
      "x.pt cannot be written: there is no such",
    );
    await expect(convert(input, join(folder, "x.pt"), "--names", "rcan")).rejects.toThrow("rcan has no EDSR");
    await expect(convert(input, join(folder, "x.safetensors"), "--names", "csd")).rejects.toThrow("leave --names out");
    expect(readdirSync(folder)).toEqual([]);
    const { network, parameters } = await loadCheckpoint(input);
    const onnx = join(folder, "x.onnx");
    writeFileSync(onnx, exportModel(networkModel(network, parameters)));
    await expect(convert(onnx, join(folder, "x.pt"))).rejects.toThrow(
      "x.onnx is an ONNX model, whose layers have no names of a checkpoint",
    );
  });

  it("writes an ONNX model anew with metadata that say its range", async () => {
    const [input, output] = [join(folder, "unit.onnx"), join(folder, "out.onnx")];
    writeFileSync(
      input,
      imageModel((x) => clip(x, 0, 1)),
    );
    await convert(input, output);
    const { descriptor } = readModel(readFileSync(output), "out.onnx");
    expect(descriptor).toMatchObject({ range: 1, scale: 1, channels: { input: 3, output: 3 } });
    expect(descriptor.rangeSource).toBeUndefined();
    await expect(convert(input, output)).rejects.toThrow("give --force to replace it");
    await expect(convert(input, join(folder, "x.onnx"), "--names", "csd")).rejects.toThrow("leave --names out");
  }, 30_000);
});
