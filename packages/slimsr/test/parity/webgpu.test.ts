import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { runNode } from "../../../../test/support/child.js";
import { describeWith, SOFTWARE_GPU } from "../../../../test/support/requirement.js";
import { temporaryFolder } from "../../../slimsr/test/cli/runs.js";

describeWith(SOFTWARE_GPU, "on WebGPU", (driver) => {
  // Joint training, and the contrastive step of a network whose odd channel counts some of the engine's kernels get wrong.
  it.each(["edsr_x4_joint", "edsr_x2"])(
    "training steps agree with the reference: %s",
    async (name) => {
      const args = [
        "packages/slimsr/bin/slimsr.js",
        "parity",
        "test/fixtures/golden",
        "--only",
        name,
        "--device",
        "webgpu",
      ];
      const { code, stdout, stderr } = await runNode(args, { env: { VK_DRIVER_FILES: driver }, seconds: 270 });
      expect(stdout, stderr).toMatch(new RegExp(`^ok   ${name} `));
      expect(code).toBe(0);
    },
    300_000,
  );

  it("a student of an odd number of channels computes what it does on the processor", async () => {
    const folder = await temporaryFolder();
    const run = (args: string[]) =>
      runNode(["packages/slimsr/bin/slimsr.js", ...args], { env: { VK_DRIVER_FILES: driver }, seconds: 120 });
    const crop = sharp("assets/held-out/Kodak/kodak-19.png").extract({ left: 60, top: 60, width: 64, height: 48 });
    await mkdir(join(folder, "crop"));
    await crop.toFile(join(folder, "crop", "crop.png"));
    const student = join(folder, "student");
    const teacher = "assets/teachers/edsr_r8f64_x2.safetensors";
    // 21 channels, a multiple of 3 and not of 4, which go into convolutions with 84 filters.
    const slim = await run([
      "slim",
      "--teacher",
      teacher,
      "--width",
      "0.33",
      "--calibration-patches",
      "4",
      "--out",
      student,
    ]);
    expect(slim.code, slim.stderr).toBe(0);
    const psnr = async (device: string) => {
      const data = ["--data", join(folder, "crop"), "--scale", "2", "--device", device, "--json"];
      const { code, stdout, stderr } = await run(["evaluate", "--model", `${student}.onnx`, ...data]);
      expect(code, stderr).toBe(0);
      const rows = JSON.parse(stdout) as { width: number | null; psnr: number }[];
      return rows.find(({ width }) => width !== null)?.psnr as number;
    };
    expect(Math.abs((await psnr("webgpu")) - (await psnr("cpu")))).toBeLessThan(1e-3);
  }, 300_000);
});
