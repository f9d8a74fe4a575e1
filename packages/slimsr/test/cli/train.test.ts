import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCheckpoint } from "../../src/files/checkpoints.js";
import { SHORT, slimsr, temporaryFolder } from "./runs.js";

const ofTeachers = ["--below-bicubic", "--calibration-patches"];
const short = SHORT.filter((arg, i) => !ofTeachers.includes(arg) && SHORT[i - 1] !== "--calibration-patches");

describe("slimsr train", () => {
  it.each([
    ["edsr", ["--features", "8", "--blocks", "1"], { architecture: "edsr", features: 8, blocks: 1, scale: 2 }],
    [
      "rcan",
      ["--features", "16", "--groups", "1", "--blocks", "1"],
      { architecture: "rcan", groups: 1, reduction: 16 },
    ],
    ["carn", ["--features", "8"], { architecture: "carn", variant: "original" }],
    ["espcn", ["--features", "8"], { architecture: "espcn", range: 1 }],
  ])("makes a teacher: %s", { timeout: 120_000 }, async (architecture, options, network) => {
    const folder = await temporaryFolder();
    const out = join(folder, "run");
    const args = [
      "--architecture",
      architecture,
      "--scale",
      "2",
      ...options,
      "--steps",
      "6",
      "--learning-rate",
      "1e-3",
    ];
    const { code, stdout, stderr } = await slimsr("train", ...short, ...args, "--out", out, "--json");
    expect(code, stderr).toBe(0);
    const { rows } = JSON.parse(stdout);
    expect(rows.map(({ model, width }: Record<string, unknown>) => [model, width])).toEqual([
      ["bicubic", null],
      ["student", 1],
    ]);
    const teacher = await loadCheckpoint(join(out, "student-w1.safetensors"));
    expect(teacher.network).toMatchObject(network);
  });

  it("takes the network from a config file, and says what is missing", { timeout: 120_000 }, async () => {
    const folder = await temporaryFolder();
    const config = join(folder, "config.json");
    const network = {
      architecture: "edsr",
      scale: 3,
      features: 8,
      blocks: 1,
      resScale: 1,
      mean: [0, 0, 0],
      range: 255,
    };
    await writeFile(config, JSON.stringify({ network, steps: 2 }));
    const run = await slimsr("train", ...short, "--config", config, "--out", join(folder, "run"), "--json");
    expect(run.code, run.stderr).toBe(0);
    expect(JSON.parse(run.stdout).settings.network).toEqual(network);
    const missing = await slimsr("train", ...short, "--out", join(folder, "none"));
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain("say what to train: --architecture");
    const wrong = await slimsr(
      "train",
      ...short,
      "--architecture",
      "edsr",
      "--scale",
      "5",
      "--out",
      join(folder, "none"),
    );
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("scale");
  });

  it.each([
    [["--architecture", "carn", "--scale", "2", "--blocks", "3"], "CARN has no --blocks; it has --scale, --features"],
    [
      ["--architecture", "edsr", "--scale", "2", "--blocks", "0", "--res-scale", "big"],
      /--blocks must be .*, not 0; --res-scale must be a number from -100 to 100, not "big"/,
    ],
    [["--architecture", "rcan", "--scale", "2", "--features", "8"], "--reduction: larger than features"],
    [["--architecture", "edsr"], "say how much it magnifies: --scale 2, 3 or 4"],
    [["--features", "8"], "--features: say of what with --architecture edsr, rcan, carn, espcn"],
  ])("refuses %j, naming the options", async (args, message) => {
    const { code, stderr } = await slimsr("train", ...short, ...args, "--out", "none");
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
