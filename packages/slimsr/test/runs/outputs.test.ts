import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { edsr, modelOf, randomParameters } from "../../../../test/support/networks.js";
import { noise } from "../../../../test/support/photographs.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { DatasetError, InterruptedError, UsageError } from "../../../core/src/errors.js";
import { rgbPlanes } from "../../../core/src/images/planes.js";
import { networkModel } from "../../../core/src/model/model.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { TiledNetwork } from "../../../upscaler/src/tiling/tiled-network.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { readOutput } from "../../src/datasets/kept-output.js";
import { contender } from "../../src/evaluation/contender.js";
import { saveCheckpoint } from "../../src/files/checkpoints.js";
import { type CompressionHooks, compress } from "../../src/runs/compress.js";
import { makeOutputs, outputSource } from "../../src/runs/outputs.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { silent } from "../../src/stage.js";
import { temporaryFolder } from "../cli/runs.js";
import { photographs, place } from "../datasets/folders.js";
import { ownCache } from "./own-cache.js";

vi.setConfig({ testTimeout: 120_000 });

const cache = ownCache();

const network = edsr(2, { features: 16, blocks: 1 });

async function teacherFile(folder: string, seed = 1): Promise<string> {
  const file = join(folder, `teacher-${seed}.safetensors`);
  await saveCheckpoint(file, { network, parameters: stateOf(randomParameters(network, seed)) });
  return file;
}

/** The files of outputs in the cache. */
const keptFiles = (): Promise<string[]> => cache.files(".output");

const settings: PartialSettings = {
  ...{
    train: "x",
    val: "x",
    method: "kd",
    init: "plain",
    keepOutputs: "on",
    width: [0.5],
    batch: 2,
    patch: 12,
    threads: 1,
  },
  ...{ validationPatch: 16, steps: 3, warmup: 0, checkpointEvery: 1, belowBicubic: true },
};

const student = (out: string): Promise<Buffer> => readFile(join(out, "student-w0.5.safetensors"));

/** What a run of three small images needs. */
async function given(folder: string): Promise<PartialSettings> {
  const images = join(folder, "images");
  await place(images, Object.fromEntries([0, 1, 2].map((i) => [`${i}.bmp`, noise(60, 50, 3, 8, i)])));
  return { ...settings, train: images, val: images, teacher: await teacherFile(folder) };
}

/** Aborts after an image's output was made, or after a step. */
function interruptedAt(wanted: "output" | "step"): CompressionHooks {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    stage: (label, _, work) =>
      work(() => {
        if (wanted === "output" && label.startsWith("outputs of")) controller.abort();
      }),
    onStep: () => {
      if (wanted === "step") controller.abort();
    },
  };
}

describe("a run that learns kept outputs", () => {
  it("ends in the same bytes wherever it is interrupted, and makes no output twice", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const [whole, broken] = [join(folder, "whole"), join(folder, "broken")];
    await expect(compress({ out: broken, settings: own }, interruptedAt("output"))).rejects.toThrow(
      `interrupted after step 0 of 3; all is saved. Go on with: slimsr compress --resume ${broken}`,
    );
    const [first, ...others] = await keptFiles();
    expect(others).toEqual([]);
    const { mtimeMs } = await stat(first as string);
    await expect(compress({ resume: broken }, interruptedAt("step"))).rejects.toThrow(InterruptedError);
    expect(await keptFiles()).toHaveLength(3);
    expect((await stat(first as string)).mtimeMs).toBe(mtimeMs);
    await compress({ resume: broken });
    await compress({ out: whole, settings: own });
    expect((await student(broken)).equals(await student(whole))).toBe(true);
    expect(await keptFiles()).toHaveLength(3);
    const report = await readFile(join(whole, "report.html"), "utf8");
    expect(report).toContain("Students learnt the output of the teacher on whole training images");
  });

  it("measures what training starts from before it makes any, once, and keeps it", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const out = join(folder, "run");
    const begun: string[] = [];
    const validated: number[] = [];
    const hooks: CompressionHooks = {
      ...interruptedAt("output"),
      onValidation: (_, step) => {
        validated.push(step);
        begun.push(`validation ${step}`);
      },
    };
    const stage: CompressionHooks["stage"] = (label, unit, work) => {
      begun.push(label);
      return (hooks.stage as NonNullable<CompressionHooks["stage"]>)(label, unit, work);
    };
    await expect(compress({ out, settings: own }, { ...hooks, stage })).rejects.toThrow(InterruptedError);
    expect(begun.slice(-2)).toEqual(["validation 0", "outputs of teacher"]);
    expect(await readFile(join(out, "metrics.jsonl"), "utf8")).toContain('"step":0');
    await expect(stat(join(out, "checkpoints", "best.safetensors"))).resolves.toBeDefined();
    await compress({ resume: out }, { onValidation: (_, step) => validated.push(step) });
    expect(validated).toEqual([0, 3]);
  });

  it("makes them anew where the cache was emptied or damaged meanwhile, and ends in the same bytes", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const [whole, emptied, damaged] = ["whole", "emptied", "damaged"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await compress({ out: whole, settings: own });
    await expect(compress({ out: emptied, settings: own }, interruptedAt("step"))).rejects.toThrow(InterruptedError);
    await rm(join(cache.home(), "slimsr"), { recursive: true });
    await compress({ resume: emptied });
    expect((await student(emptied)).equals(await student(whole))).toBe(true);
    for (const file of await keptFiles()) {
      const bytes = await readFile(file);
      for (let at = bytes.length - 17_000; at < bytes.length; at += 500) bytes[at] = 255 - (bytes[at] as number);
      await writeFile(file, bytes);
    }
    await expect(compress({ out: damaged, settings: own })).rejects.toThrow(DatasetError);
    for (let left = 2; left > 0; left--) await compress({ resume: damaged }).catch(() => undefined);
    await compress({ resume: damaged });
    expect((await student(damaged)).equals(await student(whole))).toBe(true);
  });

  it("says so where training brought nothing", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const notesOf = async (learningRate: number) => {
      const notes: string[] = [];
      const out = join(folder, String(learningRate));
      await compress({ out, settings: { ...own, learningRate } }, { note: (text) => notes.push(text) });
      return notes.filter((note) => note.startsWith("no step was better"));
    };
    expect(await notesOf(0.5)).toHaveLength(1);
    expect(await notesOf(1e-4)).toEqual([]);
  });

  it("learns something else than patches teach, by its seed alone", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const outs = ["on", "again", "off"].map((name) => join(folder, name));
    const kinds = ["on", "on", "off"] as const;
    for (const [i, out] of outs.entries()) {
      await compress({ out, settings: { ...own, keepOutputs: kinds[i] as "on" } });
    }
    const [on, again, off] = await Promise.all(outs.map(student));
    expect(on?.equals(again as Buffer)).toBe(true);
    expect(on?.equals(off as Buffer)).toBe(false);
  });

  it("never takes another teacher's or another image's", async () => {
    const folder = await temporaryFolder();
    const train = join(folder, "train");
    await place(train, { "a.png": noise(60, 50, 3, 8, 1) });
    const own = await given(folder);
    const run = (out: string, teacher: string) =>
      compress({ out: join(folder, out), settings: { ...own, train, teacher } });
    await run("one", await teacherFile(folder, 1));
    await run("two", await teacherFile(folder, 2));
    expect(await keptFiles()).toHaveLength(2);
    const { atime, mtime } = await stat(join(train, "a.png"));
    await place(train, { "a.png": noise(60, 50, 3, 8, 2) });
    await utimes(join(train, "a.png"), atime, mtime);
    await run("three", await teacherFile(folder, 1));
    expect(await keptFiles()).toHaveLength(3);
  });
});

describe("outputs of whole images", () => {
  it.each([false, true])("are what the networks make of them, the mean of several (ensemble %s)", async (ensemble) => {
    const training = await openDataset(await photographs(), { scale: 2, cacheDirectory: await temporaryFolder() });
    const networks = [1, 2].map((seed) => contender(`n${seed}`, 1, modelOf(network, seed)));
    const resolved = resolveSettings({ ...settings, teacher: "t", patch: 24 }, "settings");
    const source = { networks, selfEnsemble: ensemble };
    const outputs = await makeOutputs(source, training, resolved, { stage: silent }, await temporaryFolder());
    expect(outputs.size).toBe(3);
    const upscalers = await Promise.all(
      networks.map((each) => TiledNetwork.open(each, createSession, { name: each.name, threads: 1 })),
    );
    for (const [pair, output] of outputs) {
      const image = await pair.lr();
      const planes = await Promise.all(
        upscalers.map((each) => {
          const data = rgbPlanes(image) as Float32Array<ArrayBuffer>;
          return each.upscale({ width: image.width, height: image.height, data }, ensemble);
        }),
      );
      const { width, height } = planes[0]?.planes ?? { width: 0, height: 0 };
      const read = readOutput(output, 0, 0, width, height);
      let worst = 0;
      for (let i = 0; i < width * height * 3; i++) {
        const at = (i % 3) * width * height + Math.floor(i / 3);
        const mean = planes.reduce((sum, { planes: { data } }) => sum + (data[at] as number) / 2, 0);
        worst = Math.max(worst, Math.abs(Math.min(Math.max(mean, -384), 639.984375) - (read[i] as number)));
      }
      expect(worst).toBeLessThan(1 / 128 + 1e-3);
    }
    for (const each of upscalers) await each.close();
  });

  it("are said to be clipped where they are no images", async () => {
    const training = await openDataset(await photographs(), { scale: 2, cacheDirectory: await temporaryFolder() });
    const resolved = resolveSettings({ ...settings, teacher: "t", patch: 24 }, "settings");
    const notesOn = async (factor: number) => {
      const parameters = new Map(
        [...randomParameters(network)].map(([name, { shape, data }]) => [
          name,
          { shape, data: name.startsWith("tail") ? data.map((value) => factor * value) : data },
        ]),
      );
      const source = { networks: [contender("teacher", 1, networkModel(network, parameters))], selfEnsemble: false };
      const notes: string[] = [];
      const hooks = { stage: silent, note: (text: string) => notes.push(text) };
      await makeOutputs(source, training, resolved, hooks, await temporaryFolder());
      return notes;
    };
    expect(await notesOn(0)).toEqual([]);
    expect(await notesOn(1000)).toEqual(["outputs of teacher are not just those of whole images: clipped"]);
  });

  it("are kept where that pays and there is room, or it is asked for", async () => {
    const training = await openDataset(await photographs(), { scale: 2, cacheDirectory: await temporaryFolder() });
    const pixels = training.pairs.reduce((sum, { decoded: { lr } }) => sum + lr.width * lr.height, 0);
    const model = modelOf(network);
    const kept = (more: PartialSettings) => {
      const resolved = resolveSettings(
        { ...settings, teacher: "t", keepOutputs: "auto", batch: 1, patch: 10, ...more },
        "settings",
      );
      return outputSource(resolved, model, [], training);
    };
    const enough = Math.floor(pixels / 100) + 1;
    expect(kept({ steps: enough })?.networks).toHaveLength(1);
    expect(kept({ steps: enough - 1 })).toBeUndefined();
    expect(kept({ steps: 1, keepOutputs: "on" })).toBeDefined();
    expect(kept({ steps: 1, selfEnsemble: true })).toMatchObject({ selfEnsemble: true });
    expect(kept({ steps: enough, keepOutputs: "off" })).toBeUndefined();
    expect(kept({ steps: enough, method: "slice" })).toBeUndefined();
    expect(kept({ steps: enough, method: "joint", lambdaDistillation: 1 })).toBeUndefined();
    const contrasted = { steps: enough, method: "csd", teacherWeights: "frozen" } as const;
    expect(kept(contrasted)).toBeUndefined();
    expect(kept({ ...contrasted, keepOutputs: "on" })).toBeDefined();
    expect(kept({ ...contrasted, contrast: "output" })).toBeDefined();
    expect(kept({ steps: enough, method: "csd" })).toBeUndefined();
  });

  it("that don't fit are left out, or refused where they are needed", async () => {
    const training = await openDataset(await photographs(), { scale: 2, cacheDirectory: await temporaryFolder() });
    const many = { ...training, pairs: Array.from({ length: 30 }, () => training.pairs).flat() };
    const kept = (keepOutputs: "on" | "auto") => {
      const limited = { ...settings, teacher: "t", steps: 1e6, keepOutputs, keepOutputsLimit: 0.001 };
      return outputSource(resolveSettings(limited, "settings"), modelOf(network), [], many);
    };
    expect(kept("auto")).toBeUndefined();
    expect(() => kept("on")).toThrow(UsageError);
    expect(() => kept("on")).toThrow(
      /outputs on 90 training images take .* MiB, more than the 0\.001 GiB .*--keep-outputs-limit/,
    );
  });
});
