import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
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
  it("is held by one process at a time", async () => {
    const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    try {
      await writeFile(join(path, "lock"), JSON.stringify({ process: other.pid, host: hostname() }));
      await expect(RunFolder.hold(path)).rejects.toThrow(RunError);
      await expect(RunFolder.hold(path)).rejects.toThrow(`process ${other.pid} on ${hostname()} is at work`);
    } finally {
      other.kill("SIGKILL");
      await once(other, "exit");
    }
    const folder = await RunFolder.hold(path);
    expect(JSON.parse(await readFile(join(path, "lock"), "utf8"))).toMatchObject({ process: process.pid });
    await folder.release();
    expect(await folder.has("lock")).toBe(false);
  });

  it("trusts no lock of another machine, and takes over a torn one", async () => {
    await writeFile(join(path, "lock"), JSON.stringify({ process: 1, host: `${hostname()}-other` }));
    await expect(RunFolder.hold(path)).rejects.toThrow(/-other is at work.*remove .*lock/s);
    await writeFile(join(path, "lock"), '{"proc');
    await (await RunFolder.hold(path)).release();
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
    expect(await loadState(folder, "latest")).toEqual({ state, progress });
    expect(await readdir(join(path, "checkpoints"))).toEqual(["latest.safetensors"]);
    await folder.release();
  });

  it("is refused where the file is damaged or another's", async () => {
    const folder = await RunFolder.hold(path);
    await saveState(folder, "latest", state, progress);
    const file = folder.file("checkpoints", "latest.safetensors");
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 4));
    await expect(loadState(folder, "latest")).rejects.toThrow(/latest\.safetensors is not a sound safetensors file/);
    await expect(loadState(folder, "best")).rejects.toThrow(/best\.safetensors cannot be read/);
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
