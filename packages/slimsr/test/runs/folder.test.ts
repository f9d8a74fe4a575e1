import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunError } from "../../../core/src/errors.js";
import { RunFolder } from "../../src/runs/folder.js";
import { Journal, type JournalLine, readJournal } from "../../src/runs/journal.js";
import { loadState, saveState } from "../../src/runs/state.js";

let path = "";
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "slimsr-run-"));
});
afterEach(() => rm(path, { recursive: true, force: true }));

describe("a run's folder", () => {
  it("is held once at a time, in a process of its own too", async () => {
    const folder = await RunFolder.hold(path);
    expect(JSON.parse(await readFile(join(path, "lock"), "utf8"))).toEqual({ process: process.pid, host: hostname() });
    await expect(RunFolder.hold(path)).rejects.toThrow(RunError);
    await expect(RunFolder.hold(path)).rejects.toThrow(`process ${process.pid} on ${hostname()} is at work`);
    await folder.release();
    expect(await folder.has("lock")).toBe(false);
    await (await RunFolder.hold(path)).release();
  });

  it("is free when its holder is gone, whoever the lock names and wherever that was", async () => {
    for (const left of [
      JSON.stringify({ process: process.ppid, host: hostname() }),
      JSON.stringify({ process: 1, host: `${hostname()}-other` }),
      '{"proc',
      "null",
      "",
    ]) {
      await writeFile(join(path, "lock"), left);
      await (await RunFolder.hold(path)).release();
    }
  });

  it("says what is wrong with a lock that can't be one", async () => {
    await mkdir(join(path, "lock"));
    await expect(RunFolder.hold(path)).rejects.toThrow(/lock can't be locked: it is a folder; remove it/);
  });

  it("loses what a process that is gone had begun to write, and nothing else", async () => {
    await mkdir(join(path, "samples", "step-0000001"), { recursive: true });
    await mkdir(join(path, "checkpoints"));
    const left = [
      ".config.json.1-0.tmp",
      "checkpoints/.latest.safetensors.1-13.tmp",
      "samples/step-0000001/.a.png.tmp",
    ];
    const kept = ["a.tmp", "checkpoints/latest.safetensors", "samples/step-0000001/a.png"];
    for (const file of [...left, ...kept]) await writeFile(join(path, file), "");
    const folder = await RunFolder.hold(path);
    for (const file of left) expect(await folder.has(file), file).toBe(false);
    for (const file of kept) expect(await folder.has(file), file).toBe(true);
    await folder.release();
  });

  it("says what is wrong with a path that can't be one", async () => {
    await writeFile(join(path, "file"), "");
    await expect(RunFolder.hold(join(path, "file", "run"))).rejects.toThrow(/can't be made: .*--out/);
  });
});

describe("a run's state", () => {
  const progress = {
    step: 3,
    seconds: 1.5,
    joules: null,
    peakMemory: 9,
    validated: 2,
    best: { step: 2, psnr: 30 },
    contents: "x",
  };
  const state = {
    step: 3,
    parameters: Float32Array.of(1, 2),
    first: Float32Array.of(3, 4),
    second: Float32Array.of(5, 6),
    average: Float32Array.of(7, 8),
  };

  it("comes back as it was saved, and leaves no other file", async () => {
    const folder = await RunFolder.hold(path);
    await saveState(folder, "latest", state, progress);
    expect(await loadState(folder, "latest", 2)).toEqual({ state, progress });
    expect(await readdir(join(path, "checkpoints"))).toEqual(["latest.safetensors"]);
    await folder.release();
  });

  it("is refused where the file is damaged or another's", async () => {
    const folder = await RunFolder.hold(path);
    await saveState(folder, "latest", state, progress);
    const file = folder.file("checkpoints", "latest.safetensors");
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 4));
    await expect(loadState(folder, "latest", 2)).rejects.toThrow(/latest\.safetensors is not a sound safetensors file/);
    await expect(loadState(folder, "best", 2)).rejects.toThrow(/best\.safetensors cannot be read/);
    await folder.release();
  });
});

describe("a run's journal", () => {
  const line = (step: number): JournalLine => ({
    kind: "step",
    step,
    learningRate: 1,
    losses: { loss: step },
    seconds: 1,
  });

  it("drops, when it is resumed, what came after and a torn line", async () => {
    const folder = await RunFolder.hold(path);
    const journal = await Journal.resume(folder, 0);
    for (const step of [1, 2, 3]) journal.add(line(step));
    await journal.flush();
    await writeFile(folder.file("metrics.jsonl"), `${await readFile(folder.file("metrics.jsonl"), "utf8")}{"kind":"st`);
    const resumed = await Journal.resume(folder, 2);
    resumed.add(line(3));
    await resumed.flush();
    expect((await readJournal(folder)).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect((await readFile(folder.file("metrics.jsonl"), "utf8")).endsWith("\n")).toBe(true);
    await folder.release();
  });
});
