import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { writeSafetensors } from "../../../core/src/checkpoints/safetensors.js";
import { CheckpointError, UsageError } from "../../../core/src/errors.js";
import { exportModel } from "../../../core/src/export/onnx.js";
import type { Value } from "../../../core/src/graph/index.js";
import { networkModel } from "../../../core/src/model/model.js";
import { clip, conv } from "../../../core/src/operators/index.js";
import { fixturePath } from "../../../core/test/checkpoints/support.js";
import { inspectCommand } from "../../src/cli/inspect.js";
import { loadCheckpoint, saveCheckpoint } from "../../src/files/checkpoints.js";

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

async function inspect(...words: string[]): Promise<string> {
  output = "";
  await inspectCommand().parseAsync(words, { from: "user" });
  return output;
}

describe("slimsr inspect", () => {
  it("shows the network, its options and its cost", async () => {
    expect(await inspect(fixturePath("edsr_x4.pt"))).toBe(
      [
        "file            edsr_x4.pt",
        "network         EDSR ×4, 2 blocks of 4 features",
        "names           edsr-pytorch",
        "residual scale  1 (assumed)",
        "mean            114.44, 111.46, 103.02 of 255",
        "range           0..255",
        "parameters      2,147",
        "MACs            313.1 M for a 1280×720 output",
        "",
      ].join("\n"),
    );
    expect(await inspect(fixturePath("carn_multi.pt"), "--scale", "3", "--variant", "csd")).toContain(
      "variant         csd",
    );
    expect(await inspect(fixturePath("rcan_x3.pt"), "--range", "1")).toContain("range           0..1");
    expect(await inspect(fixturePath("csd_edsr_x4.pt"), "--res-scale", "0.5")).toContain("residual scale  0.5\n");
  });

  it("says which weights it took and what it assumed", async () => {
    const text = await inspect(fixturePath("basicsr_rcan.pt"));
    expect(text).toContain("names           basicsr\nweights         averaged, of params_ema\n");
    expect(text).toMatch(/mean +114.44, 111.46, 103.02 of 255 \(assumed\)\nrange +0..255 \(assumed\)/);
    expect(await inspect(fixturePath("trained.ckpt"))).toContain("weights         of state_dict.generator\n");
    expect(JSON.parse(await inspect(fixturePath("basicsr_edsr.pt"), "--json"))).toMatchObject({
      within: "params",
      assumed: ["resScale", "mean", "range"],
    });
  });

  it("lists groups of channels, of ONNX models too", async () => {
    const text = await inspect(fixturePath("edsr_x4.pt"), "--groups");
    expect(text).toMatch(/\ngroup {2}channels +free +written by +read by +scaled by\n/);
    expect(text).toMatch(/\n1 +4 +any basis +head … body_conv \(4\) +body\.0\.conv1 … upsampler\.blocks\.0 \(4\) +–\n/);
    expect(text).toMatch(/\n2 +4 +order, scale +body\.0\.conv1 +body\.0\.conv2 +–\n/);
    const { groups } = JSON.parse(await inspect(fixturePath("rcan_x3.pt"), "--groups", "--json"));
    // Attention multiplies the residual stream channel by channel, so that only its order is free.
    expect(groups[0]).toMatchObject({ freedom: "permutation", writes: expect.arrayContaining(["head", "body_conv"]) });
    const { network, parameters } = await loadCheckpoint(fixturePath("edsr_x4.pt"));
    const onnx = join(folder, "edsr.onnx");
    writeFileSync(onnx, exportModel(networkModel(network, parameters)));
    const exported = JSON.parse(await inspect(onnx, "--json"));
    expect(exported.groups.map(({ freedom }: { freedom: string }) => freedom)).toEqual(
      JSON.parse(await inspect(fixturePath("edsr_x4.pt"), "--groups", "--json")).groups.map(
        ({ freedom }: { freedom: string }) => freedom,
      ),
    );
    expect(await inspect(onnx)).toMatch(/parameters +[\d,]+\nMACs .*\nexported .*\n\ngroup /);
  });

  it("says what images an ONNX model is of, and how their range is known", async () => {
    const [model, own] = [join(folder, "grey.onnx"), join(folder, "own.onnx")];
    const layer = (x: Value) => conv(x, x.graph.constant(Float32Array.of(0.9, 0.8), [2, 1, 1, 1]));
    const back = (x: Value) => conv(x, x.graph.constant(Float32Array.of(0.5, 0.6), [1, 2, 1, 1]));
    writeFileSync(
      model,
      imageModel((x) => clip(back(layer(x)), 0, 1), { channels: 1 }),
    );
    expect(await inspect(model)).toMatch(
      /^file +grey\.onnx\ntask +restoration\nimages +grey\nrange +0\.\.1 \(found by running it\)\nsizes +any\nparameters +4\n/,
    );
    expect(JSON.parse(await inspect(model, "--range", "1", "--channels", "1", "--json"))).toMatchObject({
      ...{ task: "restoration", scale: 1, channels: { input: 1, output: 1 }, range: 1 },
    });
    await expect(inspect(model, "--channels", "3")).rejects.toThrow("images of 1 channels, not of 3 as asked");
    const { network, parameters } = await loadCheckpoint(fixturePath("edsr_x4.pt"));
    writeFileSync(own, exportModel(networkModel(network, parameters)));
    expect(await inspect(own)).toMatch(/task +super-resolution ×4\nimages +RGB\nrange +0\.\.255\n/);
  }, 30_000);

  it("lists layers and prints JSON", async () => {
    const table = await inspect(fixturePath("edsr_x4.pt"), "--layers");
    expect(table).toMatch(/\nupsampler\.blocks\.1 {2}16×4×3×3 {9}592 {2}132.7 M\n/);
    const parsed = JSON.parse(await inspect(fixturePath("edsr_x4.pt"), "--layers", "--json"));
    expect(parsed).toMatchObject({
      source: "edsr-pytorch",
      network: { architecture: "edsr", scale: 4, features: 4, blocks: 2, resScale: 1, range: 255 },
      parameters: 2147,
    });
    expect(parsed.layers).toHaveLength(9);
    const sum = parsed.layers.reduce((total: number, layer: { macs: number }) => total + layer.macs, 0);
    expect(parsed.macs).toBe(sum);
  });

  it("shows what each of several widths costs", async () => {
    const path = join(folder, "shared.safetensors");
    const { network, parameters } = await loadCheckpoint(fixturePath("edsr_x4.pt"));
    await saveCheckpoint(path, { network, parameters, widths: [1, 0.5] });
    expect(await inspect(path)).toMatch(/width {2}parameters {5}MACs\n1 {11}2,147 .*\n0\.5 {11}607 /);
    expect(JSON.parse(await inspect(path, "--json")).widths).toMatchObject([
      { width: 1, parameters: 2147 },
      { width: 0.5, parameters: 607 },
    ]);
  });

  it("explains what it cannot read", async () => {
    await expect(inspect(join(folder, "none.pt"))).rejects.toThrow("none.pt cannot be read: there is no such file");
    const integers = new Map([["ids", { dtype: "int8", shape: [3], data: Int8Array.of(1, 2, 3) } as const]]);
    for (const tensors of [new Map(), integers]) {
      writeFileSync(join(folder, "none.safetensors"), writeSafetensors(tensors));
      await expect(inspect(join(folder, "none.safetensors"))).rejects.toThrow(
        "none.safetensors holds no weights: no tensor of floating-point numbers is in it",
      );
    }
    await expect(inspect(folder)).rejects.toThrow("it is a folder");
    await expect(inspect(fixturePath("make_fixtures.py"))).rejects.toThrow(CheckpointError);
    await expect(inspect(fixturePath("carn_multi.pt"))).rejects.toThrow("say which with --scale");
    await expect(inspect(fixturePath("rcan_x3.pt"), "--res-scale", "1")).rejects.toThrow(UsageError);
  });
});
