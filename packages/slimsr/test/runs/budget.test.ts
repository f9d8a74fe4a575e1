import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { InterruptedError, NetworkError, UsageError } from "../../../core/src/errors.js";
import { deploy } from "../../../core/src/export/deployment.js";
import { channelAnalysis } from "../../../core/src/model/model.js";
import { materialise, splitByCounts } from "../../../core/src/model/split.js";
import { loadCheckpoint } from "../../src/files/checkpoints.js";
import { loadModel } from "../../src/files/models.js";
import { type CompletedRun, type CompressionHooks, compress, train } from "../../src/runs/compress.js";
import { readResult } from "../../src/runs/result.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, smallTeacher, temporaryFolder } from "../cli/runs.js";

vi.setConfig({ testTimeout: 240_000 });

const settings: PartialSettings = {
  ...{ train: IMAGES, val: IMAGES, method: "kd", batch: 2, patch: 12, threads: 1, validationPatch: 16 },
  ...{ calibrationPatches: 4, steps: 3, warmup: 0, checkpointEvery: 1, belowBicubic: true },
};

/** The stages of a run, and what it may be interrupted by after its first step. */
function watching(): { stages: string[]; hooks: CompressionHooks; interrupting: CompressionHooks } {
  const stages: string[] = [];
  const stop = new AbortController();
  const hooks: CompressionHooks = {
    stage: (label, _, work) => {
      stages.push(label);
      return work(() => undefined);
    },
  };
  return { stages, hooks, interrupting: { ...hooks, signal: stop.signal, onStep: () => stop.abort() } };
}

const costsOf = ({ outcome: { rows } }: CompletedRun) => {
  const row = (name: string) => rows.find(({ model }) => model === name);
  return { teacher: row("teacher before"), student: row("student") };
};

describe("a run with a budget", () => {
  it("trains a student within it, and goes on with the channels that were chosen", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder, 2);
    const given = { ...settings, teacher, macs: "40%" };
    const whole = join(folder, "whole");
    const run = await compress({ out: whole, settings: given });
    const { teacher: before, student } = costsOf(run);
    expect(student?.macs).toBeLessThanOrEqual((before?.macs as number) * 0.4);
    expect(student?.macs).toBeGreaterThan((before?.macs as number) * 0.2);
    const result = await readResult(whole);
    const { width, channels = [], files = [] } = result?.students[0] ?? {};
    expect(channels).toHaveLength(4);
    expect(width).toBe(Number((channels.reduce((a, b) => a + b, 0) / 64).toFixed(3)));
    expect(student?.width).toBe(width);
    expect(result?.settings).toMatchObject({ macs: "40%" });
    expect(result?.settings.width).toBeUndefined();
    expect(deploy(await loadModel(files[0] as string)).cost?.parameters).toBe(student?.parameters);
    const report = await readFile(join(whole, "report.html"), "utf8");
    expect(report).toContain(`Channels were chosen for --macs 40%: head ${channels[0]} of 16, `);

    const out = join(folder, "interrupted");
    const { stages, hooks, interrupting } = watching();
    await expect(compress({ out, settings: given }, interrupting)).rejects.toThrow(InterruptedError);
    expect(stages).toContain("choose widths");
    stages.length = 0;
    await compress({ resume: out }, hooks);
    expect(stages).not.toContain("choose widths");
    for (const ending of ["safetensors", "onnx"]) {
      const name = `student-w${width}.${ending}`;
      expect((await readFile(join(out, name))).equals(await readFile(join(whole, name))), name).toBe(true);
    }
  });

  it("has one shape for all methods and seeds, however they start", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const shapes: (readonly number[] | undefined)[] = [];
    for (const own of [{ method: "scratch", seed: 3 }, { method: "joint" }] as const) {
      const out = join(folder, own.method);
      const run = await compress({ out, settings: { ...settings, teacher, budget: "2x", ...own } });
      shapes.push(run.outcome.students[0]?.channels);
      const { teacher: before, student } = costsOf(run);
      expect(student?.parameters).toBeLessThanOrEqual((before?.parameters as number) / 2);
    }
    expect(shapes[0]).toHaveLength(3);
    expect(shapes[1]).toEqual(shapes[0]);
    // Shared weights: the student is the first channels of the teacher that was trained with it.
    const joint = await loadCheckpoint(join(folder, "joint", "slim.safetensors"));
    expect(joint.widths).toEqual([1]);
    const model = await loadModel(join(folder, "joint", "slim.safetensors"));
    const split = splitByCounts(model.places.values(), channelAnalysis(model), shapes[1] as number[]);
    const [file] = (await readResult(join(folder, "joint")))?.students[0]?.files ?? [];
    const student = await loadCheckpoint(file as string);
    for (const [name, { shape, data }] of materialise(model.parameters, split)) {
      expect(student.parameters.get(name)?.shape, name).toEqual(shape);
      expect(student.parameters.get(name)?.data, name).toEqual(data);
    }
  });

  it("of time says what an output takes", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const { outcome } = await compress({
      out: join(folder, "run"),
      settings: { ...settings, teacher, ms: 60_000, at: "96x48" },
    });
    // All channels are fast enough.
    expect(outcome.students[0]).toMatchObject({ width: 1, channels: [16, 16, 16], milliseconds: expect.any(Number) });
  });

  it("that can't be kept, or that comes with a width, is refused before any work", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const { stages, hooks } = watching();
    const refused = (more: PartialSettings) =>
      expect(compress({ out: join(folder, "run"), settings: { ...settings, teacher, ...more } }, hooks)).rejects;
    await refused({ budget: "100000x" }).toThrow(NetworkError);
    await refused({ ms: 0.001, at: "640x640" }).toThrow("a single channel a layer takes");
    await refused({ budget: "2x", width: [0.5] }).toThrow("width and budget are given");
    await refused({ macs: "50%", ms: 30 }).toThrow("macs and ms are given");
    await refused({ macs: "50 percent" }).toThrow(
      'macs must be a percentage above 0 and up to 100, such as 25%, not "50',
    );
    await refused({ budget: "0.5x" }).toThrow("budget must be a factor from 1 to 1000000, such as 4x");
    await refused({ ms: 30, at: "4x4" }).toThrow("at must be a width and a height from 8 to 65536 pixels");
    await refused({ at: "256x256" }).toThrow("--at says where --ms is measured");
    expect(stages).not.toContain("training images");
    const network = { architecture: "espcn", scale: 2, features: 8, range: 255, mean: [0, 0, 0] } as const;
    const anew = { ...settings, method: undefined, network, budget: "2x" } as unknown as PartialSettings;
    await expect(train({ out: join(folder, "new"), settings: anew })).rejects.toThrow(UsageError);
  });
});
