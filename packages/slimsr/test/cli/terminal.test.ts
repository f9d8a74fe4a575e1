import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runNode } from "../../../../test/support/child.js";
import { imageModel, nearest } from "../../../../test/support/image-models.js";
import { Graph } from "../../../core/src/graph/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { conv, pixelShuffle } from "../../../core/src/operators/index.js";
import { temporaryFolder } from "../datasets/folders.js";

const HOSTILE = "x\u001b]0;T\u0007\u001b[2J\u009b31m\nslimsr: fake";

const slimsr = (...words: string[]) => runNode(["packages/slimsr/bin/slimsr.js", ...words]);

/** Nothing that a terminal would act on, and no line that passes for one of the program's. */
function expectHarmless(text: string): void {
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}](?<![\n\t])/u);
  expect(text).not.toMatch(/^slimsr: fake/m);
  expect(text).toContain("x\\u001b]0;T\\u0007\\u001b[2J\\u009b31m");
}

describe("the terminal", () => {
  it("does nothing that names of files and folders say", { timeout: 120_000 }, async () => {
    const folder = join(await temporaryFolder(), HOSTILE);
    await mkdir(folder);
    await writeFile(join(folder, `${HOSTILE}.png`), "no image");
    await writeFile(join(folder, "model.onnx"), imageModel(nearest));
    for (const words of [
      ["inspect", join(folder, "none.pt")],
      ["evaluate", "--model", join(folder, "model.onnx"), "--data", folder],
      ["evaluate", "--model", join(folder, "model.onnx"), "--data", folder, "--skip-bad"],
      ["prepare", "--hr", folder, "--scale", "2", "--out", join(folder, "out")],
    ]) {
      const { stdout, stderr } = await slimsr(...words);
      expectHarmless(stdout + stderr);
    }
  });

  it("does nothing that names of layers say, which JSON has as they are", { timeout: 120_000 }, async () => {
    const graph = new Graph("model");
    const x = graph.input("x", [1, 3, 16, 16]);
    const long = "y".repeat(1e6);
    const weight = (name: string, shape: number[]) =>
      graph.constant(new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape, { name });
    const first = conv(x, weight(`${HOSTILE}.weight`, [4, 3, 1, 1]));
    graph.output(
      "y",
      pixelShuffle(conv(conv(first, weight(`${long}.weight`, [4, 4, 1, 1])), weight("z.weight", [12, 4, 1, 1])), 2),
    );
    const file = join(await temporaryFolder(), "model.onnx");
    await writeFile(file, writeOnnx(graph));
    const { stdout } = await slimsr("inspect", file);
    expectHarmless(stdout);
    expect(stdout.length).toBeLessThan(5000);
    const { groups } = JSON.parse((await slimsr("inspect", file, "--json")).stdout);
    expect(groups.flatMap(({ writes }: { writes: string[] }) => writes)).toEqual([HOSTILE, long]);
  });

  it("does nothing that a config file says", async () => {
    const config = join(await temporaryFolder(), "config.json");
    await writeFile(config, JSON.stringify({ [HOSTILE]: 1 }));
    const images = ["--train", "assets/calibration", "--val", "assets/calibration"];
    const teacher = "assets/teachers/edsr_r8f64_x2.safetensors";
    const { stderr } = await slimsr("compress", "--config", config, "--teacher", teacher, ...images, "--out", "o");
    expectHarmless(stderr);
  });
});
