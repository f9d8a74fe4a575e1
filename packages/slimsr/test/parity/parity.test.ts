import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Finished, ROOT, runNode } from "../../../../test/support/child.js";
import { describeWith, SOFTWARE_GPU } from "../../../../test/support/requirement.js";
import { readSafetensors, writeSafetensors } from "../../../core/src/checkpoints/safetensors.js";

const GOLDEN = join(ROOT, "test/fixtures/golden");
const CASES = ["carn_x3", "carn_x4", "edsr_x2", "edsr_x3", "edsr_x4", "edsr_x4_joint", "rcan_x2", "rcan_x4"];

const parity = (args: readonly string[], options?: Parameters<typeof runNode>[1]): Promise<Finished> =>
  runNode(["packages/slimsr/dist/cli/main.js", "parity", ...args], { seconds: 300, ...options });

describe("parity with the reference", () => {
  it("holds for all committed cases, in outputs, losses, gradients, parameters and later losses", async () => {
    const { code, stdout, stderr } = await parity([GOLDEN]);
    expect(stderr).toBe("");
    expect(stdout.match(/^ok +(\S+)/gm)?.map((line) => line.split(/ +/)[1])).toEqual(CASES);
    expect(code).toBe(0);
  });
});

describe("a case whose values are changed", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "parity-"));
    await copyFile(join(GOLDEN, "edsr_x3.json"), join(folder, "edsr_x3.json"));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ["step1.student", 1.001],
    ["step1.d_neg", 1.001],
    ["step1.contrastive", 1.01],
    ["step1.grad.body.0.conv1.weight", 1.01],
    ["step1.weight.head.weight", 1.001],
    ["step3.loss", 1.01],
  ])("fails where %s is off", async (key, factor) => {
    const file = "edsr_x3.safetensors";
    const { tensors } = readSafetensors(await readFile(join(GOLDEN, file)), file);
    const original = tensors.get(key);
    if (!original) throw new Error(`${key} is not in the case`);
    tensors.set(key, { ...original, data: original.data.map((value) => value * factor) });
    await writeFile(join(folder, file), writeSafetensors(tensors));
    const { code, stdout, stderr } = await parity([folder]);
    expect(stdout).toMatch(/^FAIL edsr_x3/);
    expect(stdout).toContain(`(${key}, past `);
    expect(stderr).toContain("1 of 1 cases are past the tolerances");
    expect(code).toBe(1);
  });

  it("names what is missing or malformed", async () => {
    expect(await parity([join(folder, "nowhere")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nowhere can't be listed"),
    });
    await writeFile(join(folder, "edsr_x3.json"), "{");
    expect(await parity([folder])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("edsr_x3.json is not JSON"),
    });
    await writeFile(join(folder, "edsr_x3.json"), '{"model": "VDSR"}');
    const { code, stderr } = await parity([folder]);
    expect(stderr).toContain("model");
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(1);
  });
});

describeWith(SOFTWARE_GPU, "parity on webgpu, by the software adapter", (driver) => {
  it("holds for the two smallest cases", { timeout: 600_000 }, async () => {
    const args = [GOLDEN, "--only", "edsr_x4_joint", "edsr_x2", "--device", "webgpu"];
    const { code, stdout } = await parity(args, { env: { VK_DRIVER_FILES: driver }, seconds: 600 });
    expect(stdout.match(/^ok/gm)).toHaveLength(2);
    expect(code).toBe(0);
  });
});
