import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SlimsrError } from "../../../core/src/errors.js";
import { decodeImage, readImage } from "../../src/images/decode.js";
import { boastingFiles, damaged, soundFiles } from "./damage.js";

const mebibyte = 2 ** 20;

/** Whether decoding gave an image or one of our errors; anything else is thrown. */
async function outcome(decoding: Promise<unknown>): Promise<"image" | "error"> {
  try {
    await decoding;
    return "image";
  } catch (error) {
    if (!(error instanceof SlimsrError)) throw error;
    return "error";
  }
}

describe("damaged images", () => {
  const rounds = 63;
  it(`of every format, ${rounds} of each, give an image or an error, fast and at little memory`, async () => {
    const before = process.resourceUsage().maxRSS;
    const outcomes = { image: 0, error: 0 };
    let slowest = 0;
    for (const [name, file] of Object.entries(await soundFiles())) {
      expect(await outcome(decodeImage(file, name))).toBe("image");
      for (let seed = 0; seed < rounds; seed++) {
        const { kind, bytes } = damaged(file, seed);
        const start = performance.now();
        outcomes[await outcome(decodeImage(bytes, `${name}, ${kind}, ${seed}`))]++;
        slowest = Math.max(slowest, performance.now() - start);
      }
    }
    expect(outcomes.image + outcomes.error).toBeGreaterThan(1000);
    expect(outcomes.error).toBeGreaterThan(500);
    expect(outcomes.image).toBeGreaterThan(50);
    expect(slowest).toBeLessThan(10_000);
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(512);
  }, 120_000);

  it("that claim to be huge take less than 1 GiB", async () => {
    const before = process.resourceUsage().maxRSS;
    for (const [name, file] of Object.entries(await boastingFiles())) {
      const decoding = decodeImage(file, name);
      await expect(outcome(decoding), name).resolves.toBe("error");
      if (name.includes("65000")) await expect(decoding).rejects.toThrow(/65000×65000 are|damaged|limit/);
    }
    expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(1024 * mebibyte);
  }, 120_000);

  it("with an ending that is not theirs are read by content", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slimsr-fuzz-"));
    try {
      for (const [name, file] of Object.entries(await soundFiles())) {
        for (const ending of ["png", "jpg", "txt"]) {
          const path = join(folder, `image.${ending}`);
          await writeFile(path, file);
          await expect(outcome(readImage(path)), `${name} as .${ending}`).resolves.toBe("image");
          await writeFile(path, file.subarray(0, 20));
          await expect(readImage(path)).rejects.toThrow(path);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 120_000);
});
