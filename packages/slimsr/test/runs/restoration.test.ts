import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { noise } from "../../../../test/support/photographs.js";
import { Random } from "../../../../test/support/random.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import type { Value } from "../../../core/src/graph/index.js";
import { clip, conv, relu, sub } from "../../../core/src/operators/index.js";
import { loadModel } from "../../src/files/models.js";
import { compress } from "../../src/runs/compress.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, temporaryFolder } from "../cli/runs.js";
import { place } from "../datasets/folders.js";

/** A small residual denoiser of images in 0..1, as anyone's file. */
function denoiser(channels: number): Uint8Array {
  const random = new Random(4);
  const layer = (x: Value, filters: number) => {
    const shape = [filters, x.shape[1] as number, 3, 3] as const;
    const weights = random.floats(shape[0] * shape[1] * 9, -0.1, 0.1);
    return conv(x, x.graph.constant(weights, shape), undefined, { pads: [1, 1, 1, 1] });
  };
  return imageModel((x) => clip(sub(x, layer(relu(layer(relu(layer(x, 8)), 8)), channels)), 0, 1), { channels });
}

const settings: PartialSettings = {
  ...{ batch: 2, patch: 12, steps: 2, threads: 1, width: [0.5], method: "kd", belowBicubic: true },
  ...{ validationPatch: 16, calibrationPatches: 4, checkpointEvery: 1, learningRate: 1e-5, warmup: 0 },
};

describe("a teacher that restores images", { timeout: 240_000 }, () => {
  it("of one channel is compressed on what a degradation makes of them, in the range that is found", async () => {
    const folder = await temporaryFolder();
    const teacher = join(folder, "grey.onnx");
    await writeFile(teacher, denoiser(1));
    const notes: string[] = [];
    const out = join(folder, "run");
    const given = { ...settings, teacher, train: IMAGES, val: IMAGES, degrade: "noise:5-25" };
    const { outcome } = await compress({ out, settings: given }, { note: (text) => notes.push(text) });
    expect(notes).toContain("grey.onnx: range 0..1, found by running it");
    expect(outcome.rows.map(({ model }) => model)).toEqual(["input", "teacher before", "student"]);
    expect(outcome.rows[0]).toMatchObject({ scale: 1, metric: { colour: "grey", border: 0 } });
    const student = await loadModel(join(out, "student-w0.5.onnx"));
    expect(student.descriptor).toMatchObject({ range: 1, channels: { input: 1, output: 1 } });

    const csd = { ...given, method: "csd" as const };
    await expect(compress({ out: join(folder, "csd"), settings: csd })).rejects.toThrow(
      "grey.onnx makes images of one channel, and the contrastive loss looks at RGB images",
    );
    const { degrade: _, ...bare } = given;
    await expect(compress({ out: join(folder, "bare"), settings: bare })).rejects.toThrow(
      "nothing says what it restores",
    );
    const fog = { ...given, degrade: "fog" };
    await expect(compress({ out: join(folder, "fog"), settings: fog })).rejects.toThrow('"fog" is no degradation');
  });

  it("is compressed on folders of inputs and truths", async () => {
    const folder = await temporaryFolder();
    const teacher = join(folder, "colour.onnx");
    await writeFile(teacher, denoiser(3));
    await mkdir(join(folder, "data"));
    const pictures = [1, 2].flatMap((i) => [
      [`hazy/${i}_1.png`, noise(40, 32, 3, 8, i)] as const,
      [`clear/${i}.png`, noise(40, 32, 3, 8, 10 + i)] as const,
    ]);
    await place(join(folder, "data"), Object.fromEntries(pictures));
    const [truth, input] = [join(folder, "data/clear"), join(folder, "data/hazy")];
    const out = join(folder, "run");
    const data = { train: truth, trainInput: input, val: truth, valInput: input };
    const { outcome } = await compress({ out, settings: { ...settings, teacher, ...data } });
    const [row] = outcome.rows;
    expect(row?.images.map(({ image }) => image)).toEqual(["1_1", "2_1"]);
    expect(row).toMatchObject({ model: "input", metric: { colour: "rgb", border: 0 } });
    // Two pictures of noise have nothing in common.
    expect(row?.psnr).toBeLessThan(12);
    expect(readModel(denoiser(3), "colour.onnx").descriptor.task).toBe("restoration");
  });
});
