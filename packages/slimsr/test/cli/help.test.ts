import { execFile } from "node:child_process";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { cropPhotographs, freshClone } from "../../../../test/support/clone.js";
import { loadCheckpoint, saveCheckpoint } from "../../src/files/checkpoints.js";
import { PRESETS, presetSettings } from "../../src/runs/presets.js";
import { settingsSchema } from "../../src/runs/settings.js";
import { slimsr, smallTeacher } from "./runs.js";

/** What makes examples short that train, and changes nothing of what they name. */
const SHORT = [
  ...[
    "--steps",
    "1",
    "--batch",
    "4",
    "--patch",
    "12",
    "--validation-patch",
    "16",
    "--threads",
    "1",
    "--contrasted",
    "1",
  ],
  // The small network's weights are random.
  ...["--calibration-patches", "2", "--below-bicubic"],
];
const SHORTER: Readonly<Record<string, readonly string[]>> = {
  slim: ["--below-bicubic"],
  quantise: ["--calibration-patches", "1"],
  compress: SHORT,
  ablate: SHORT,
  train: [...SHORT.slice(0, -5), "--below-bicubic"],
};

const COMMANDS = [
  "upscale",
  "inspect",
  "prepare",
  "slim",
  "evaluate",
  "convert",
  "export",
  "quantise",
  "compress",
  "train",
  "ablate",
];

/** The command lines among a help text's examples. */
function examplesOf(help: string): string[] {
  const lines = /\nExamples:\n(.*?)(?:\n\n|$)/s.exec(help)?.[1] ?? "";
  return lines
    .replace(/ \\\n\s+/g, " ")
    .trim()
    .split(/\n\s*/);
}

/** An option's entry in one line. */
const lineOf = (help: string, flag: string): string =>
  help
    .replace(/\n {20,}/g, " ")
    .split("\n")
    .find((line) => line.trimStart().startsWith(`${flag} `)) ?? "";

describe("help", () => {
  it("has examples that run as they stand, one after another", { timeout: 900_000 }, async () => {
    const cwd = await freshClone();
    // Small networks, crops of photographs, one image to measure on and one variant stand for those of the repository.
    await mkdir(join(cwd, "bench/ablation"), { recursive: true });
    await writeFile(join(cwd, "bench/ablation/contrastive.json"), JSON.stringify({ slice: { method: "slice" } }));
    const small = join(cwd, "assets/teachers/edsr_r8f64_x2.safetensors");
    await cp(await smallTeacher(cwd), small);
    const slim = join(cwd, "assets/slim/edsr_r8f64_x2.safetensors");
    await saveCheckpoint(slim, { ...(await loadCheckpoint(small)), widths: [1, 0.5, 0.25] });
    const whole = join(cwd, "assets/held-out/Kodak");
    for (const name of (await readdir(whole)).slice(1)) await rm(join(whole, name));
    await cropPhotographs(cwd);
    const PATH = `${join(cwd, "node_modules/.bin")}:${process.env.PATH}`;
    const env = { ...process.env, PATH, XDG_CACHE_HOME: join(cwd, "cache") };
    for (const command of COMMANDS) {
      const examples = examplesOf((await slimsr(command, "--help")).stdout);
      expect(examples.length, command).toBeGreaterThan(1);
      for (const example of examples) {
        expect(example).toMatch(new RegExp(`^slimsr ${command} `));
        const more = example.includes("--resume") ? [] : [...(SHORTER[command] ?? [])];
        if (command === "ablate" && !/--(method|variants)/.test(example)) more.push("--method", "slice");
        await promisify(execFile)("bash", ["-c", `${example.replace(/ {4}#.*/, "")} ${more.join(" ")}`], {
          cwd,
          env,
        });
      }
    }
  });

  it.each(["compress", "ablate"])("of %s says what each preset makes of a setting", async (command) => {
    const { stdout } = await slimsr(command, "--help");
    for (const preset of PRESETS) {
      for (const [key, value] of Object.entries(presetSettings(preset, 3))) {
        if (command === "ablate" && ["method", "width"].includes(key)) continue;
        const line = lineOf(stdout, `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
        const standard = /\(default: ([^;)]*)/.exec(line)?.[1];
        const shown = new RegExp(`\\b${preset}: ([^,)]*)`).exec(line)?.[1] ?? standard;
        expect(shown, `${preset}: ${line}`).toBe(key === "patch" && preset === "paper" ? "192/scale" : String(value));
      }
    }
  });

  it("of train says what a setting is where it is left out", async () => {
    const { stdout } = await slimsr("train", "--help");
    const { steps, batch, learningRate, schedule } = settingsSchema.shape;
    for (const [flag, schema] of Object.entries({ steps, batch, "learning-rate": learningRate, schedule })) {
      expect(lineOf(stdout, `--${flag}`)).toContain(`(default: ${schema.parse(undefined)})`);
    }
  });

  it("calls one thing by one name in all commands", async () => {
    const helps = await Promise.all(COMMANDS.map((command) => slimsr(command, "--help")));
    const flags = new Set(helps.flatMap(({ stdout }) => stdout.match(/^ {2}.*?(--[\w-]+)/gm) ?? []));
    for (const former of ["--output", "--widths", "--seeds", "--methods", "--patches", "--calibrate"]) {
      expect([...flags].filter((line) => line.endsWith(former))).toEqual([]);
    }
  });
});
