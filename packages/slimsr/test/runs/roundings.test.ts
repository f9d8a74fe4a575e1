import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InterruptedError, UsageError } from "../../../core/src/errors.js";
import { isFakeQuantised } from "../../../core/src/export/roundings.js";
import { narrowed } from "../../../core/src/model/split.js";
import { decodeOnnx } from "../../../core/src/onnx/codec.js";
import { loadModel } from "../../src/files/models.js";
import { bitsFor } from "../../src/quantisation/processor.js";
import { quantiseVerified } from "../../src/quantisation/verified.js";
import { integerNodesOf } from "../../src/quantisation/verify.js";
import { compress } from "../../src/runs/compress.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, interruptedBehind, smallTeacher, temporaryFolder } from "../cli/runs.js";

/** ONNX's. */
const INT8 = 3;

const short = async (folder: string): Promise<PartialSettings> => ({
  ...{ teacher: await smallTeacher(folder, 2), train: IMAGES, val: IMAGES, width: [0.5], belowBicubic: true },
  ...{ batch: 2, patch: 12, threads: 1, validationPatch: 16, calibrationPatches: 2, warmup: 0 },
});

/** Shapes of the weights that a file holds, each with its type, and the largest that those of bytes are. */
function layersIn(onnx: Uint8Array) {
  const weights = (decodeOnnx(onnx).graph?.initializers ?? []).filter(({ dims }) => dims.length === 4);
  const bytes = weights.flatMap(({ type, raw }) =>
    type === INT8 && raw ? [...new Int8Array(raw.slice().buffer)] : [],
  );
  return {
    shapes: weights.map(({ type, dims }) => `${type}: ${dims.join("×")}`).sort(),
    largest: bytes.reduce((most, code) => Math.max(most, Math.abs(code)), 0),
  };
}

describe("training with roundings", () => {
  it("ends in the same bytes when it goes on, with its average", { timeout: 240_000 }, async () => {
    const folder = await temporaryFolder();
    const settings = { ...(await short(folder)), method: "kd", bits: 4, steps: 4, average: 0.9 } as const;
    const [whole, cut] = [join(folder, "whole"), join(folder, "cut")];
    const { outcome } = await compress({ out: whole, settings });
    await expect(compress({ out: cut, settings }, interruptedBehind(2))).rejects.toThrow(InterruptedError);
    await compress({ resume: cut });
    for (const file of ["student-w0.5.safetensors", "student-w0.5.onnx", "student-w0.5-int4.onnx"]) {
      expect(outcome.students[0]?.files).toContain(join(whole, file));
      expect((await readFile(join(cut, file))).equals(await readFile(join(whole, file))), file).toBe(true);
    }
    expect(outcome.students[0]?.bits).toEqual({ weights: 4, activations: 4 });
    const rows = Object.fromEntries(outcome.rows.map((row) => [row.model, row]));
    expect(Math.abs((rows["student-int4"]?.psnr ?? 0) - (rows.student?.psnr ?? 0))).toBeLessThan(0.05);
    expect(isFakeQuantised((await loadModel(join(whole, "student-w0.5.safetensors"))).graph)).toBe(true);
  });

  it.each([
    { method: "pams", bits: 4 },
    { method: "pact", bits: 4 },
    { method: "slice", bits: bitsFor() },
    { method: "kd", bits: 8, activationBits: 3 },
  ] as const)("is done by $method, $bits bits", { timeout: 240_000 }, async (own) => {
    const folder = await temporaryFolder();
    const settings: PartialSettings = { ...(await short(folder)), ...own, steps: 2, learningRate: 0.01 };
    const { outcome } = await compress({ out: join(folder, "run"), settings });
    const rows = Object.fromEntries(outcome.rows.map((row) => [row.model, row]));
    const integer = rows[`student-int${own.bits}`];
    expect(Math.abs((integer?.psnr ?? 0) - (rows.student?.psnr ?? 0))).toBeLessThan(0.05);
  });

  it("of 7 bits writes what quantise does, and as it was trained", { timeout: 240_000 }, async () => {
    const folder = await temporaryFolder();
    const settings: PartialSettings = { ...(await short(folder)), method: "kd", bits: 7, steps: 2 };
    const { outcome } = await compress({ out: join(folder, "run"), settings });
    const rows = Object.fromEntries(outcome.rows.map((row) => [row.model, row]));
    expect(Math.abs((rows["student-int7"]?.psnr ?? 0) - (rows.student?.psnr ?? 0))).toBeLessThan(0.01);
    const trained = new Uint8Array(await readFile(join(folder, "run", "student-w0.5-int7.onnx")));
    const half = narrowed(await loadModel(join(folder, "teacher.safetensors")), 0.5);
    const { onnx, verification } = await quantiseVerified(half, { patches: 2, bits: 7, threads: 1 });
    expect(layersIn(trained)).toEqual(layersIn(onnx));
    expect(await integerNodesOf(trained, { threads: 1 })).toEqual(verification.integerNodes);
  });

  it("is refused where it makes no sense", () => {
    const base = { teacher: "teacher.safetensors", train: "train", val: "val" };
    const refused = (settings: PartialSettings, message: RegExp) => {
      const resolve = () => resolveSettings({ ...base, ...settings }, "settings");
      expect(resolve).toThrow(UsageError);
      expect(resolve).toThrow(message);
    };
    refused({ method: "joint", bits: 4 }, /slices of a teacher that is trained too/);
    refused({ method: "csd", bits: 4, teacherWeights: "shared" }, /choose --teacher-weights frozen, or kd/);
    refused({ method: "scratch", bits: 4 }, /start from a teacher/);
    refused({ method: "pams" }, /name them, such as --bits 4/);
    refused({ method: "kd", activationBits: 4 }, /give --bits too/);
    refused({ method: "kd", bits: 4, quantise: true }, /leave quantise out/);
    refused({ method: "kd", bits: 9 }, /bits/);
    refused({ method: "kd", bits: 4, optimiser: "muon" }, /choose --optimiser adam/);
  });
});
