import { expect, it } from "vitest";
import { runNode } from "../support/child.js";
import { describeWith, SOFTWARE_GPU } from "../support/requirement.js";

describeWith(SOFTWARE_GPU, "on WebGPU", (driver) => {
  // Joint training, and the contrastive step of a network whose odd channel counts some of the engine's kernels get wrong.
  it.each(["edsr_x4_joint", "edsr_x2"])(
    "training steps agree with the reference: %s",
    async (name) => {
      const args = ["dist/cli/main.js", "parity", "test/fixtures/golden", "--only", name, "--device", "webgpu"];
      const { code, stdout, stderr } = await runNode(args, { env: { VK_DRIVER_FILES: driver }, seconds: 270 });
      expect(stdout, stderr).toMatch(new RegExp(`^ok   ${name} `));
      expect(code).toBe(0);
    },
    300_000,
  );
});
