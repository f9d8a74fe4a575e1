import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { noise } from "../../../../test/support/photographs.js";
import { InterruptedError, UsageError } from "../../../core/src/errors.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { contender } from "../../src/evaluation/contender.js";
import { compress } from "../../src/runs/compress.js";
import { makeOutputs, outputSource } from "../../src/runs/outputs.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { silent } from "../../src/stage.js";
import { interruptedBehind, smallTeacher, temporaryFolder } from "../cli/runs.js";
import { photographs, place } from "../datasets/folders.js";
import { ownCache } from "./own-cache.js";

vi.setConfig({ testTimeout: 120_000 });

const cache = ownCache();

const settings: PartialSettings = {
  ...{ train: "x", val: "x", method: "kd", init: "plain", keepOutputs: "on", width: [0.5], batch: 2, patch: 12 },
  ...{ scaleAugmentation: 0.6, validationPatch: 16, steps: 3, warmup: 0, checkpointEvery: 1, belowBicubic: true },
  threads: 1,
};

const resolved = (more: PartialSettings) => resolveSettings({ ...settings, teacher: "t", ...more }, "settings");

/** What a run of three small images needs. */
async function given(folder: string): Promise<PartialSettings> {
  const images = join(folder, "images");
  await place(images, Object.fromEntries([0, 1, 2].map((i) => [`${i}.bmp`, noise(60, 50, 3, 8, i)])));
  return { ...settings, train: images, val: images, teacher: await smallTeacher(folder) };
}

const student = (out: string): Promise<Buffer> => readFile(join(out, "student-w0.5.safetensors"));

const cached = async (ending: string): Promise<number> => (await cache.files(ending)).length;

describe("a run with scale augmentation", () => {
  it("learns kept outputs of copies too, and ends in the same bytes wherever it is interrupted", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const [whole, broken, none] = ["whole", "broken", "none"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await compress({ out: whole, settings: own });
    expect([await cached(".raw"), await cached(".output")]).toEqual([18, 9]);
    const contents = JSON.parse(await readFile(join(whole, "contents.json"), "utf8")) as { train: unknown[] };
    expect(contents.train).toHaveLength(3);
    expect(await readFile(join(whole, "config.json"), "utf8")).toContain('"scaleAugmentation": 0.6');

    await expect(compress({ out: broken, settings: own }, interruptedBehind(2))).rejects.toThrow(InterruptedError);
    await rm(join(cache.home(), "slimsr"), { recursive: true });
    await compress({ resume: broken });
    expect((await student(broken)).equals(await student(whole))).toBe(true);

    await compress({ out: none, settings: { ...own, scaleAugmentation: 0 } });
    expect((await student(none)).equals(await student(whole))).toBe(false);
  });

  it.each([
    [{ patch: 25 }, /no smaller copy of an image has room for a patch of 25×25/],
    [{ scaleAugmentation: 1.5 }, /scaleAugmentation must be a number from 0 to 1, not 1\.5/],
    [{ trainInput: "hazy" }, /scaleAugmentation and trainInput are given.*leave one out/],
  ] as [PartialSettings, RegExp][])("with %j is refused before any work", async (wrong, message) => {
    const folder = await temporaryFolder();
    const stages: string[] = [];
    const work = async () =>
      compress(
        { out: join(folder, "run"), settings: { ...(await given(folder)), ...wrong } },
        {
          stage: (label, _, run) => {
            stages.push(label);
            return run(() => undefined);
          },
        },
      );
    await expect(work()).rejects.toThrow(message);
    expect(stages.filter((label) => label !== "training images")).toEqual([]);
  });

  it("of images that have inputs is refused before an image is decoded", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const train = join(folder, "train");
    await place(train, { "HR/a.png": noise(60, 50, 3, 8), "LR_bicubic/X2/ax2.png": noise(30, 25, 3, 8) });
    const work = compress({ out: join(folder, "run"), settings: { ...own, train } });
    await expect(work).rejects.toThrow(UsageError);
    await expect(work).rejects.toThrow(/--degrade bicubic.*--scale-augmentation/);
    expect(await readdir(cache.home())).toEqual([]);
  });
});

describe("kept outputs of smaller copies", () => {
  const network = edsr(2, { features: 16, blocks: 1 });
  const open = async () =>
    openDataset(await photographs(), { scale: 2, cacheDirectory: await temporaryFolder(), smallerCopies: true });

  it("are made where patches are drawn from copies, of those that have room", async () => {
    const training = await open();
    const source = { networks: [contender("teacher", 1, modelOf(network))], selfEnsemble: false };
    const made = async (more: PartialSettings) =>
      makeOutputs(source, training, resolved({ patch: 24, ...more }), { stage: silent }, await temporaryFolder());
    const outputs = await made({});
    const large = training.copies.filter(({ decoded: { lr } }) => Math.min(lr.width, lr.height) >= 24);
    // The smaller copy of the smallest photograph, 75 pixels high, may have no room.
    expect(large.length).toBeGreaterThanOrEqual(5);
    expect([...outputs.keys()].sort(byName)).toEqual([...training.pairs, ...large].sort(byName));
    for (const [{ decoded }, { width, height }] of outputs) {
      expect([width, height]).toEqual([2 * 2 * decoded.lr.width, 2 * decoded.lr.height]);
    }
    expect((await made({ scaleAugmentation: 0 })).size).toBe(3);
  });

  it("count where it is decided whether outputs are kept, and what they may take", async () => {
    const training = await open();
    const pixelsOf = (pairs: typeof training.pairs) =>
      pairs.reduce((sum, { decoded: { lr } }) => sum + lr.width * lr.height, 0);
    const kept = (more: PartialSettings) => {
      const auto: PartialSettings = { keepOutputs: "auto", batch: 1, patch: 10, ...more };
      return outputSource(resolved(auto), modelOf(network), [], training);
    };
    const images = Math.floor(pixelsOf(training.pairs) / 100) + 1;
    const all = Math.floor(pixelsOf([...training.pairs, ...training.copies]) / 100) + 1;
    expect(kept({ steps: images, scaleAugmentation: 0 })).toBeDefined();
    expect(kept({ steps: all - 1 })).toBeUndefined();
    expect(kept({ steps: all })).toBeDefined();
    const many = { ...training, copies: Array.from({ length: 30 }, () => training.copies).flat() };
    const limited = (scaleAugmentation: number) =>
      outputSource(resolved({ keepOutputsLimit: 0.001, scaleAugmentation }), modelOf(network), [], many);
    expect(limited(0)).toBeDefined();
    expect(() => limited(0.6)).toThrow(/3 training images, smaller copies counted, take .*--keep-outputs-limit/);
  });
});

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
