import { copyFile, cp, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { RunError } from "../../../core/src/errors.js";
import { EMBEDDED_VGG19 } from "../../src/assets.js";
import { loadVgg19 } from "../../src/files/checkpoints.js";
import { compress } from "../../src/runs/compress.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { smallTeacher, temporaryFolder } from "../cli/runs.js";
import { place } from "../datasets/folders.js";

vi.setConfig({ testTimeout: 120_000 });

interface Begun {
  readonly folder: string;
  readonly out: string;
  readonly settings: PartialSettings;
}

/** A run that was interrupted after its first step. */
async function begun(own: PartialSettings = {}): Promise<Begun> {
  const folder = await temporaryFolder();
  const pictures = (first: number) =>
    Object.fromEntries([0, 1, 2].map((i) => [`${i}.bmp`, noise(60, 50, 3, 8, first + i)]));
  await place(join(folder, "train"), pictures(0));
  await place(join(folder, "val"), pictures(10));
  const settings: PartialSettings = {
    ...{ teacher: await smallTeacher(folder), train: join(folder, "train"), val: join(folder, "val") },
    belowBicubic: true,
    ...{ method: "slice", init: "plain", width: [0.5], steps: 4, batch: 2, patch: 12, validationPatch: 16 },
    ...{ threads: 1, checkpointEvery: 1, learningRate: 1e-5, warmup: 0, ...own },
  };
  const out = join(folder, "run");
  const controller = new AbortController();
  const interrupted = compress({ out, settings }, { signal: controller.signal, onStep: () => controller.abort() });
  await expect(interrupted).rejects.toThrow("interrupted after step 1 of 4");
  return { folder, out, settings };
}

const student = (out: string) => readFile(join(out, "student-w0.5.safetensors"));

/** Replaces a file by another, which has the same size and times. */
async function replace(file: string, bytes: Uint8Array): Promise<void> {
  const { size, atime, mtime } = await stat(file);
  expect(bytes.length).toBe(size);
  await writeFile(file, bytes);
  await utimes(file, atime, mtime);
}

async function swap(folder: string, one: string, other: string): Promise<void> {
  await rename(join(folder, one), join(folder, "x"));
  await rename(join(folder, other), join(folder, one));
  await rename(join(folder, "x"), join(folder, other));
}

describe("a run that is resumed", () => {
  it.each<[string, (begun: Begun) => Promise<unknown>, RegExp]>([
    [
      "a training image",
      async ({ folder }) => {
        const file = join(folder, "train", "1.bmp");
        const bytes = await readFile(file);
        bytes.writeUInt8(255 - bytes.readUInt8(4000), 4000);
        await replace(file, bytes);
      },
      /train\/1: it is another image\nPut it back/,
    ],
    [
      "a validation image",
      async ({ folder }) => replace(join(folder, "val", "2.bmp"), await readFile(join(folder, "train", "2.bmp"))),
      /val\/2: it is another image\nPut/,
    ],
    [
      "images in one another's places",
      ({ folder }) => swap(join(folder, "train"), "0.bmp", "2.bmp"),
      /train\/0: .*\n.*train\/2: it is another/,
    ],
    ["an image less", ({ folder }) => rm(join(folder, "val", "0.bmp")), /val\/0: there is no such image any more/],
    [
      "an image more",
      ({ folder }) => place(join(folder, "train"), { "9.bmp": noise(60, 50, 3, 8, 99) }),
      /train\/9: it is new/,
    ],
    [
      "another teacher in its folder",
      async ({ out }) => {
        const file = join(out, "teacher.safetensors");
        const bytes = await readFile(file);
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 3) ^ 1, bytes.length - 3);
        await replace(file, bytes);
      },
      /teacher\.safetensors is another teacher/,
    ],
    [
      "its list of contents damaged besides",
      async ({ folder, out }) => {
        await writeFile(join(out, "contents.json"), "{");
        await rm(join(folder, "train", "0.bmp"));
      },
      /the images, the teacher or VGG19's weights are not those/,
    ],
  ])("refuses %s", async (_, harm, message) => {
    const run = await begun();
    await harm(run);
    const resumed = compress({ resume: run.out });
    await expect(resumed).rejects.toThrow(RunError);
    await expect(resumed).rejects.toThrow(message);
  });

  it("refuses other weights of VGG19, and takes the same from elsewhere", async () => {
    const folder = await temporaryFolder();
    const [vgg, moved] = [join(folder, "vgg.safetensors"), join(folder, "moved.safetensors")];
    await copyFile(EMBEDDED_VGG19, vgg);
    const run = await begun({ vgg, method: "csd", teacherWeights: "frozen", negatives: 1, contrasted: 1 });
    await rename(vgg, moved);
    const bytes = await readFile(moved);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100);
    await writeFile(vgg, bytes);
    await loadVgg19(vgg);
    await expect(compress({ resume: run.out })).rejects.toThrow("vgg.safetensors holds other weights of VGG19");
    expect((await compress({ resume: run.out, moved: { vgg: moved } })).settings.vgg).toBe(moved);
  });

  it("ends in the same bytes where data has moved and has other names in the same order", async () => {
    const run = await begun();
    const whole = await compress({ out: join(run.folder, "whole"), settings: run.settings });
    const moved = { train: join(run.folder, "moved", "photos"), val: join(run.folder, "moved", "val") };
    await mkdir(join(run.folder, "moved"));
    await rename(join(run.folder, "train"), moved.train);
    await cp(join(run.folder, "val"), moved.val, { recursive: true });
    await rm(join(run.folder, "val"), { recursive: true });
    for (const i of [0, 1, 2]) await rename(join(moved.train, `${i}.bmp`), join(moved.train, `photo-${i}.bmp`));
    await expect(compress({ resume: run.out })).rejects.toThrow("train: cannot be read");
    const resumed = await compress({ resume: run.out, moved });
    expect((await student(run.out)).equals(await student(whole.folder))).toBe(true);
    expect(resumed.settings).toMatchObject(moved);
    // From then on it knows by itself.
    expect((await compress({ resume: run.out })).outcome.rows[0]?.set).toBe(basename(moved.val));
  });
});
