import { join } from "node:path";
import { expect, it } from "vitest";
import { fixturePath } from "../../../core/test/checkpoints/support.js";
import { loadModel } from "../../src/files/models.js";
import { train } from "../../src/runs/compress.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import { openNetwork } from "../../src/runs/teacher.js";
import { IMAGES, smallTeacher, temporaryFolder } from "../cli/runs.js";

/** `smallTeacher`'s network at ×4. */
const network = {
  ...{ architecture: "edsr", scale: 4, features: 16, blocks: 1, resScale: 1 },
  ...{ mean: [114.444, 111.4605, 103.02], range: 255 },
} as const;

const settings = {
  ...{ train: IMAGES, val: IMAGES, batch: 2, patch: 12, steps: 1, threads: 1, learningRate: 1e-7 },
  ...{ validationPatch: 16, network },
};

it("a network trained anew starts with what it has in common with another, and says what is random", async () => {
  const folder = await temporaryFolder();
  const pretrained = await smallTeacher(folder);
  const notes: string[] = [];
  const out = join(folder, "run");
  await train({ out, settings: { ...settings, pretrained } }, { note: (text) => notes.push(text) });
  const [before, after] = await Promise.all(
    [pretrained, join(out, "student-w1.safetensors")].map(async (file) => (await loadModel(file)).parameters),
  );
  const common = [...(before ?? [])].filter(([name]) => /^(head|body)\./.test(name));
  expect(common.length).toBeGreaterThanOrEqual(6);
  for (const [name, { data }] of common) {
    const moved = after?.get(name)?.data.map((value, i) => Math.abs(value - (data[i] ?? Number.NaN))) ?? [Number.NaN];
    // A step of Adam moves each by the learning rate at most.
    expect(Math.max(...moved)).toBeLessThan(1e-6);
  }
  expect(notes.join("\n")).toMatch(
    /^12 of 14 parameters start as those of .*teacher\.safetensors; random are [\w.]+, [\w.]+\.$/m,
  );
}, 60_000);

it("a network with nothing in common is refused, and a teacher has its own parameters", async () => {
  const base = { train: IMAGES, val: IMAGES, method: "scratch", width: [1], network };
  const other = resolveSettings({ ...base, pretrained: fixturePath("carn_x4.pt") }, "settings");
  await expect(openNetwork(other, undefined)).rejects.toThrow("is CARN, from which EDSR can't start");
  expect(() => resolveSettings({ ...base, network: undefined, teacher: "x", pretrained: "y" }, "settings")).toThrow(
    "pretrained is what a network that is trained anew starts from",
  );
});
