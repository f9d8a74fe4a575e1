import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { upscaleCommand } from "../../src/cli/upscale.js";
import { picture, writePictures } from "../upscaling/pictures.js";
import { Captured } from "./captured.js";
import { smallTeacher, temporaryFolder } from "./runs.js";

const MAIN = join(ROOT, "packages/slimsr/bin/slimsr.js");

/** The built program, with what it reads and its output as bytes. */
function program(
  args: readonly string[],
  input = Buffer.alloc(0),
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { encoding: "buffer" }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr: stderr.toString() });
    });
    child.stdin?.end(input);
  });
}

const sizeOf = async (path: string): Promise<number[]> => {
  const { width, height } = await sharp(path).metadata();
  return [width, height];
};

describe("slimsr upscale in a process of its own", () => {
  const command = new Captured();
  const upscale = (...words: string[]) => command.run(upscaleCommand(), [...words, "--threads", "1"]);

  /** A folder, and a small model in another. */
  async function setUp(): Promise<{ folder: string; model: readonly string[] }> {
    const folder = await temporaryFolder();
    return { folder, model: ["--model", await smallTeacher(await temporaryFolder())] };
  }

  it("reads the standard input and writes the standard output, and says what it says on standard error", async () => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["a.png"]);
    const bytes = await readFile(join(folder, "a.png"));
    const piped = await program(["upscale", "-", "-o", "-", "--threads", "1", ...model], bytes);
    expect([piped.code, piped.stderr]).toEqual([0, expect.stringContaining("-: 12×10 → 24×20, ")]);
    await upscale(join(folder, "a.png"), "-o", join(folder, "b.png"), ...model);
    expect(piped.stdout).toEqual(await readFile(join(folder, "b.png")));
    const bad = await program(["upscale", "-", "--threads", "1", ...model], Buffer.from("no picture"));
    expect([bad.code, bad.stdout.length]).toEqual([1, 0]);
    expect(bad.stderr).toMatch(/^slimsr: 1 of 1 files can't be upscaled:\n {2}-: /m);
    expect(bad.stderr).not.toContain("\n    at ");
  });

  it.each(["SIGKILL", "SIGINT"] as const)(
    "leaves no half file after %s in the middle of a batch, which goes on",
    { timeout: 240_000 },
    async (signal) => {
      const { folder, model } = await setUp();
      const input = join(folder, "in");
      await mkdir(input);
      const bytes = await picture(128, 96).png().toBuffer();
      for (let i = 0; i < 12; i++) await writeFile(join(input, `${i}.png`), bytes);
      const output = join(folder, "out");
      const words = ["upscale", input, "-o", `${output}/`, "--threads", "1", "--skip-existing", ...model];
      const child = spawn(process.execPath, [MAIN, ...words, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
      const said: Buffer[] = [];
      child.stdout.on("data", (part: Buffer) => said.push(part));
      const complaints: Buffer[] = [];
      child.stderr.on("data", (part: Buffer) => complaints.push(part));
      while (!existsSync(join(output, "1.png")) && child.exitCode === null) await delay(5);
      child.kill(signal);
      const [code] = await once(child, "close");
      const made = readdirSync(output).filter((name) => /^\d+\.png$/.test(name));
      expect(made.length).toBeGreaterThanOrEqual(2);
      expect(made.length).toBeLessThan(12);
      for (const name of made) expect(await sizeOf(join(output, name))).toEqual([256, 192]);
      if (signal === "SIGINT") {
        expect(code).toBe(130);
        expect(readdirSync(output)).toHaveLength(made.length);
        expect(JSON.parse(Buffer.concat(said).toString())).toMatchObject({ interrupted: true, failures: [] });
        expect(Buffer.concat(complaints).toString()).toMatch(
          new RegExp(
            `interrupted when ${made.length} of 12 files were done; the same call with --skip-existing goes on`,
          ),
        );
      } else {
        // What a killed process leaves is there until the next.
        await cp(join(output, made[0] as string), join(output, `.slimsr-${child.pid}-${crypto.randomUUID()}.part`));
      }
      const again = await program(words);
      expect([again.code, again.stderr.includes("slimsr:")]).toEqual([0, false]);
      expect(again.stdout.toString()).toContain(`${made.length} left out, whose outputs are there`);
      expect(readdirSync(output).sort()).toEqual(readdirSync(input).sort());
    },
  );
});
