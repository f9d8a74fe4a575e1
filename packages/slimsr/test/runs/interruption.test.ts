import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { InterruptedError } from "../../../core/src/errors.js";
import { findRun } from "../../src/runs/ablation.js";
import { type CompressionHooks, compress } from "../../src/runs/compress.js";
import { RunFolder } from "../../src/runs/folder.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, SHORT, smallTeacher, temporaryFolder } from "../cli/runs.js";

/** Aborts where a stage begins. */
function interruptedAt(wanted: string): CompressionHooks {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    stage: (label, _, work) => {
      if (label === wanted) controller.abort();
      return work(() => undefined);
    },
  };
}

describe("a run that is interrupted", () => {
  it("says the same at any stage, and ends in the same bytes when it goes on", { timeout: 240_000 }, async () => {
    const folder = await temporaryFolder();
    const settings: PartialSettings = {
      ...{ teacher: await smallTeacher(folder), train: IMAGES, val: IMAGES, method: "kd", width: [0.5] },
      ...{ batch: 2, patch: 12, threads: 1, validationPatch: 16, calibrationPatches: 4, steps: 3, warmup: 0 },
      belowBicubic: true,
    };
    const whole = join(folder, "whole");
    await compress({ out: whole, settings });
    const student = await readFile(join(whole, "student-w0.5.safetensors"));
    for (const [i, [stage, step]] of (
      [
        ["training images", 0],
        ["align", 0],
        ["refit width 0.5", 0],
        ["measure", 3],
      ] as const
    ).entries()) {
      const out = join(folder, String(i));
      const error = await compress({ out, settings }, interruptedAt(stage)).catch((each: unknown) => each);
      expect(error, stage).toBeInstanceOf(InterruptedError);
      expect((error as InterruptedError).message, stage).toBe(
        `interrupted after step ${step} of 3; all is saved. Go on with: slimsr compress --resume ${out}`,
      );
      expect((error as InterruptedError).exitCode).toBe(130);
      // A second interruption of the same is no other.
      await expect(compress({ resume: out }, interruptedAt(stage)), stage).rejects.toThrow(`after step ${step} of 3`);
      await compress({ resume: out });
      expect((await readFile(join(out, "student-w0.5.safetensors"))).equals(student), stage).toBe(true);
    }
  });

  it("can begin again with other settings before its first checkpoint", { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const settings = {
      teacher: await smallTeacher(folder),
      train: IMAGES,
      val: IMAGES,
      calibrationPatches: 4,
      belowBicubic: true,
    };
    const [out, hooks] = [join(folder, "run"), interruptedAt("align")];
    await expect(compress({ out, settings }, hooks)).rejects.toThrow(InterruptedError);
    expect(await findRun(out, resolveSettings({ ...settings, steps: 7 }, "settings"))).toEqual({ kind: "none" });
    const again = compress({ out, settings: { ...settings, steps: 7 } }, interruptedAt("align"));
    await expect(again).rejects.toThrow("after step 0 of 7");
    const held = await RunFolder.hold(out);
    expect(await held.has("checkpoints", "latest.safetensors")).toBe(false);
    await held.release();
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`by ${signal} while it aligns ends as while it trains`, { timeout: 60_000 }, async () => {
      const folder = await temporaryFolder();
      const out = join(folder, "run");
      const args = ["compress", "--teacher", await smallTeacher(folder), ...SHORT, "--calibration-patches", "2000"];
      const child = spawn(process.execPath, ["packages/slimsr/bin/slimsr.js", ...args, "--out", out], { cwd: ROOT });
      let stderr = "";
      let sent = false;
      child.stderr.on("data", (data) => {
        stderr += data;
        // Once: a second signal ends the process at once.
        if (!sent && stderr.includes("align [")) sent = child.kill(signal);
      });
      const [code] = await once(child, "close");
      expect(code, stderr).toBe(130);
      expect(stderr).toContain(`slimsr: interrupted after step 0 of 4000; all is saved. Go on with: slimsr compress`);
      expect(stderr).not.toMatch(/^\s+at /m);
    });
  }
});
