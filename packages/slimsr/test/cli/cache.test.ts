import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { UsageError } from "../../../core/src/errors.js";
import { folderStore } from "../../../upscaler/src/node/model-store.js";
import { cacheCommand } from "../../src/cli/cache.js";
import { compressCommand, resuming } from "../../src/cli/compress.js";
import { defaultCacheDirectory } from "../../src/datasets/cache-folder.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { outputFile, storeOutput } from "../../src/datasets/kept-output.js";
import { listing, place, temporaryFolder } from "../datasets/folders.js";

describe("slimsr cache", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  async function run(...words: string[]): Promise<string> {
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await cacheCommand().exitOverride().parseAsync(words, { from: "user" });
    return written.mock.calls.map(([text]) => text).join("");
  }

  it("says what decoded images take, and removes them", async () => {
    const [folder, home] = [await temporaryFolder(), await temporaryFolder()];
    vi.stubEnv("XDG_CACHE_HOME", home);
    const cache = join(home, "slimsr", "images");
    expect(defaultCacheDirectory()).toBe(cache);
    expect(await run()).toBe(`${cache}: 0 decoded images, 0 B\n`);
    await place(folder, { "a.png": noise(40, 30, 1, 8) });
    await openDataset(folder, { scale: 2 });
    // Samples of HR and LR, a header of 64 bytes each, and a sum of 4 for each of their tiles of 32×32: two and one.
    const bytes = 40 * 30 + 20 * 15 + 2 * 64 + 3 * 4;
    vi.restoreAllMocks();
    expect(JSON.parse(await run("--json"))).toEqual({
      ...{ folder: cache, files: 2, bytes, outputs: 0, cleared: false },
      models: { folder: join(home, "slimsr", "models"), files: 0, bytes: 0 },
    });
    vi.restoreAllMocks();
    expect(await run("--clear")).toBe(`${cache}: 2 decoded images, 1.6 KiB, removed\n`);
    expect(await listing(home)).toEqual([]);
  });
});

describe("slimsr cache with downloaded models", () => {
  it("counts and removes them, and nothing else in their folder", async () => {
    const home = await temporaryFolder();
    vi.stubEnv("XDG_CACHE_HOME", home);
    onTestFinished(() => void vi.unstubAllEnvs());
    const models = join(home, "slimsr", "models");
    await folderStore(models).put("https://example.org/nets/x2.onnx", new Uint8Array(2000));
    await writeFile(join(models, "mine.onnx"), "mine");
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    onTestFinished(() => written.mockRestore());
    await cacheCommand().exitOverride().parseAsync(["--clear"], { from: "user" });
    expect(written.mock.calls.join("")).toContain(`${models}: 1 downloaded model, 2.0 KiB, removed`);
    expect(await listing(home)).toEqual(["slimsr/models/mine.onnx"]);
  });
});

describe("slimsr cache with kept outputs", () => {
  it("counts them beside the images", async () => {
    const home = await temporaryFolder();
    vi.stubEnv("XDG_CACHE_HOME", home);
    onTestFinished(() => void vi.unstubAllEnvs());
    const image = { width: 4, height: 4, channels: 3, digest: "a" } as const;
    const file = outputFile(defaultCacheDirectory(), "network", image);
    await storeOutput(file, { width: 4, height: 4, data: new Float32Array(48) });
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    onTestFinished(() => written.mockRestore());
    await cacheCommand().exitOverride().parseAsync(["--clear"], { from: "user" });
    expect(written.mock.calls.join("")).toContain("images: 0 decoded images and 1 kept output, 164 B, removed");
    expect(await listing(home)).toEqual([]);
  });
});

describe("--resume", () => {
  it("takes where data lies now, and no other setting", () => {
    const given = (...words: string[]) => {
      const command = compressCommand();
      command.parseOptions(words);
      return resuming(command, "run");
    };
    expect(given("--train", "moved", "--data", "a", "b", "--json")).toEqual({
      resume: "run",
      moved: { train: resolve("moved"), data: [resolve("a"), resolve("b")] },
    });
    for (const more of [
      ["--steps", "7"],
      ["--teacher", "t.pt"],
      ["--train-range", "1-2"],
      ["--out", "other"],
      ["--config", "c"],
      ["--preset", "quick"],
    ]) {
      expect(() => given("--train", "moved", ...more)).toThrow(UsageError);
    }
  });
});
