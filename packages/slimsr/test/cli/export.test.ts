import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runNode } from "../../../../test/support/child.js";
import { imageModel } from "../../../../test/support/image-models.js";
import { describeWith, SOFTWARE_GPU } from "../../../../test/support/requirement.js";
import { smallModel, smallNetworks } from "../../../../test/support/small-networks.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { onnxDeployment } from "../../../core/src/export/onnx-file.js";
import { modelCost } from "../../../core/src/model/cost.js";
import { narrowed } from "../../../core/src/model/split.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { add, conv, pixelShuffle } from "../../../core/src/operators/index.js";
import { fixturePath } from "../../../core/test/checkpoints/support.js";
import { exportCommand } from "../../src/cli/export.js";
import { saveCheckpoint } from "../../src/files/checkpoints.js";
import { loadModel } from "../../src/files/models.js";
import { Captured } from "./captured.js";

const captured = new Captured();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slimsr-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const here = (name: string): string => join(folder, name);
const run = (...words: string[]): Promise<string> => captured.run(exportCommand(), words);

const [EDSR] = smallNetworks(2, 24) as [NetworkOptions];

/** A checkpoint of a small EDSR ×2 that says that it is for three widths. */
async function severalWidths(): Promise<string> {
  const path = here("several.safetensors");
  await saveCheckpoint(path, {
    network: EDSR,
    parameters: stateOf(smallModel(EDSR).parameters),
    widths: [1, 0.5, 0.25],
  });
  return path;
}

describe("slimsr export", () => {
  it("writes a network merged, and says what that changes", async () => {
    const [input, out] = [await severalWidths(), here("x.onnx")];
    const text = await run(input, "-o", out);
    expect(text).toMatch(/before +[\d,]+ .*\nexported +[\d,]+ .*\n\n1 pixel at each side of the output repeats/);
    expect(text).toMatch(/\ncpu: differs by at most \S+ levels of 255 .*, at the border /);
    const { descriptor } = await loadModel(out);
    expect(descriptor).toMatchObject({ scale: 2, range: 255, size: { minimum: 2 } });
    expect(descriptor.rangeSource).toBeUndefined();
    expect(readdirSync(folder).sort()).toEqual(["several.safetensors", "x.onnx"]);
  });

  it("writes a file's narrower networks", async () => {
    const [input, out] = [await severalWidths(), here("half.onnx")];
    const report = JSON.parse(await run(input, "-o", out, "--quality", "0.5", "--no-merge", "--json"));
    const { parameters, macs } = modelCost(narrowed(smallModel(EDSR), 0.5));
    const costs = { parameters, macs, bytes: readFileSync(out).length };
    expect(report).toMatchObject({ before: costs, after: costs, border: 0, precision: "float32" });
    expect(report.checks[0]).toMatchObject({ device: "cpu", worst: expect.any(Number) });
    expect(report.checks[0].worst).toBeLessThan(0.01);
    await expect(run(input, "-o", here("y.onnx"), "--quality", "0.6")).rejects.toThrow(
      /was made for quality 1, 0\.5 or 0\.25, not 0\.6$/,
    );
    await expect(run(fixturePath("edsr.pt"), "-o", here("y.onnx"), "--quality", "0.5")).rejects.toThrow(
      "says of no widths that it was made for",
    );
    await expect(run(out, "-o", here("y.onnx"), "--quality", "1")).rejects.toThrow("holds a graph of one width");
    expect(readdirSync(folder).sort()).toEqual(["half.onnx", "several.safetensors"]);
  });

  it("writes halves, and files for one size", async () => {
    const [input, out] = [await severalWidths(), here("half.onnx")];
    const report = JSON.parse(await run(input, "-o", out, "--fp16", "--tile", "40", "--json"));
    expect(report).toMatchObject({ precision: "float16", size: { fixed: { width: 40, height: 40 } }, border: 1 });
    expect(report.after.bytes).toBeLessThan(0.6 * report.before.bytes);
    const { worst } = report.checks[0];
    expect(worst).toBeGreaterThan(1e-4);
    expect(worst).toBeLessThan(1.5);
    const bytes = new Uint8Array(readFileSync(out));
    expect(onnxDeployment("half.onnx", bytes)).toMatchObject({
      size: { fixed: { width: 40, height: 40 } },
      range: 255,
    });
  });

  it("refuses halves that are far from the network, and writes nothing", async () => {
    // Differences of nearly equal numbers: halves lose what is left of them.
    const cancelling = imageModel((x) => {
      const times = (factor: number) =>
        x.graph.constant(
          Float32Array.from({ length: 9 }, (_, i) => (i % 4 === 0 ? factor : 0)),
          [3, 3, 1, 1],
        );
      return add(conv(x, times(1000.3)), conv(x, times(-999.2)));
    });
    writeFileSync(here("cancelling.onnx"), cancelling);
    await expect(
      run(here("cancelling.onnx"), "-o", here("y.onnx"), "--fp16", "--no-merge", "--range", "255"),
    ).rejects.toThrow(
      /on cpu the exported network differs .* by \S+ levels of 255, more than the 1\.5 .*leave --fp16 out$/,
    );
    expect(readdirSync(folder)).toEqual(["cancelling.onnx"]);
  });

  it("takes anyone's ONNX, of which it finds the range", async () => {
    const onnx = imageModel((x) => {
      const wide = Float32Array.from({ length: 40 * 27 }, (_, i) => Math.sin(i) / 9);
      const narrow = Float32Array.from({ length: 12 * 40 }, (_, i) => Math.cos(i * i) / 20);
      const inner = conv(x, x.graph.constant(wide, [40, 3, 3, 3]), undefined, { pads: [1, 1, 1, 1] });
      return pixelShuffle(conv(inner, x.graph.constant(narrow, [12, 40, 1, 1])), 2);
    });
    writeFileSync(here("other.onnx"), onnx);
    const report = JSON.parse(await run(here("other.onnx"), "-o", here("y.onnx"), "--range", "1", "--json"));
    expect(report).toMatchObject({ border: 0, after: { parameters: 12 * 27 } });
    expect((await loadModel(here("y.onnx"))).descriptor).toMatchObject({ range: 1, scale: 2 });
  });

  it("never replaces a file unasked, and explains what it doesn't write", async () => {
    const [input, out] = [fixturePath("edsr.pt"), here("kept.onnx")];
    writeFileSync(out, "kept");
    await expect(run(input, "-o", out)).rejects.toThrow("kept.onnx exists; give --force");
    expect(readFileSync(out, "utf8")).toBe("kept");
    await run(input, "-o", out, "--force");
    expect((await loadModel(out)).descriptor.scale).toBe(2);
    await expect(run(out, "-o", out, "--force")).rejects.toThrow("which would be lost");
    await expect(run(input, "-o", here("x.pt"))).rejects.toThrow("doesn't end in .onnx");
    await expect(run(input, "-o", join(folder, "no", "x.onnx"))).rejects.toThrow("x.onnx cannot be written");
    for (const words of [
      ["--quality", "2"],
      ["--tile", "0"],
      ["--tile", "x"],
    ]) {
      await expect(run(input, "-o", here("x.onnx"), ...words)).rejects.toThrow(/It must be a/);
    }
    await expect(run(input)).rejects.toThrow("required option '-o, --out <file>' not specified");
  });
});

describeWith(SOFTWARE_GPU, "slimsr export, on a machine with WebGPU", (driver) => {
  it("compares there too", { timeout: 300_000 }, async () => {
    const words = ["export", await severalWidths(), "-o", here("x.onnx"), "--tile", "24", "--json"];
    const args = ["packages/slimsr/bin/slimsr.js", ...words];
    const { code, stdout } = await runNode(args, { env: { VK_DRIVER_FILES: driver }, seconds: 270 });
    expect(code).toBe(0);
    const [, gpu] = JSON.parse(stdout).checks;
    expect(gpu).toMatchObject({ device: "webgpu", worst: expect.any(Number) });
    expect(gpu.worst).toBeLessThan(0.255);
  });
});
