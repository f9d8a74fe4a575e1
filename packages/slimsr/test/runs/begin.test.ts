import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { InterruptedError } from "../../../core/src/errors.js";
import { elements, Graph } from "../../../core/src/graph/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { conv, depthToSpace, relu } from "../../../core/src/operators/index.js";
import { fixturePath } from "../../../core/test/checkpoints/support.js";
import { compress } from "../../src/runs/compress.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, journalOf, smallTeacher, stepsOf, temporaryFolder } from "../cli/runs.js";

const settings: PartialSettings = {
  ...{ train: IMAGES, val: IMAGES, method: "slice", batch: 2, patch: 12, steps: 2, threads: 1 },
  ...{ validationPatch: 16, calibrationPatches: 4, belowBicubic: true },
};

describe("a run", () => {
  it.each([
    [{ patch: 500 }, "smaller than a patch of 500×500"],
    [{ data: ["/nonexistent"] }, "/nonexistent: cannot be read"],
    [{ val: "/nonexistent" }, "/nonexistent: cannot be read"],
    [{ valRange: "90-99" }, "no image lies in the range"],
    [{ valRange: "first" }, "first: not a range of images"],
    [{ validationPatch: 2 }, "validationPatch 2 is too small"],
    [{ method: "csd", patch: 7 }, "VGG19 needs images of at least 16×16; these are 14×14"],
    [{ belowBicubic: false }, "is worse than bicubic interpolation"],
  ] as [PartialSettings, string][])("with %j is refused before any work", async (wrong, message) => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const out = join(folder, "run");
    const stages: string[] = [];
    const work = compress(
      { out, settings: { ...settings, teacher, ...wrong } },
      {
        stage: (label, _, run) => {
          stages.push(label);
          return run(() => undefined);
        },
      },
    );
    await expect(work).rejects.toThrow(message);
    expect(stages).not.toContain("align");
    expect((await readdir(join(out, "checkpoints"))).length).toBe(0);
    expect(await stat(join(out, "config.json")).catch(() => undefined)).toBeUndefined();
  });

  it("that took no step begins anew in its folder, with other settings", { timeout: 120_000 }, async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const out = join(folder, "run");
    const stop = new AbortController();
    const hooks = { signal: stop.signal, onValidation: () => stop.abort() };
    await expect(compress({ out, settings: { ...settings, teacher } }, hooks)).rejects.toThrow(InterruptedError);
    expect(await stat(join(out, "checkpoints", "latest.safetensors"))).toBeDefined();
    const { outcome } = await compress({ out, settings: { ...settings, teacher, width: [0.25] } });
    expect(outcome.students.map(({ width }) => width)).toEqual([0.25]);
    const lines = await journalOf(out);
    expect(stepsOf(lines)).toEqual([1, 2]);
    expect(lines.filter(({ kind }) => kind === "validation").map(({ step }) => step)).toEqual([0, 2]);
    await expect(compress({ out, settings: { ...settings, teacher } })).rejects.toThrow("holds a run already");
  });

  it("says what its teacher's and its tutors' files leave unsaid", async () => {
    const folder = await temporaryFolder();
    const notes: string[] = [];
    const own = { ...settings, method: "kd", init: "plain", steps: 1, threads: 1 } as const;
    const teacher = fixturePath("edsr.pt");
    await compress(
      { out: join(folder, "run"), settings: { ...own, teacher, tutor: [teacher] } },
      { note: (text) => notes.push(text) },
    );
    const unsaid = "edsr.pt: The file doesn't hold the residual scale: 1 is assumed, as edsr-pytorch's code has it";
    // The option is the teacher's.
    expect(notes).toEqual(expect.arrayContaining([`${unsaid}; --res-scale says another`, unsaid]));
  });

  it("says where Muon has nothing to move", async () => {
    const folder = await temporaryFolder();
    const graph = new Graph("shallow");
    const image = graph.input("image", [1, 3, 16, 16]);
    const weight = (shape: readonly number[]) =>
      graph.constant(new Random(1).floats(elements(shape), -0.05, 0.05), shape);
    const features = relu(conv(image, weight([8, 3, 3, 3]), undefined, { pads: [1, 1, 1, 1] }));
    graph.output("enlarged", depthToSpace(conv(features, weight([12, 8, 3, 3]), undefined, { pads: [1, 1, 1, 1] }), 2));
    const teacher = join(folder, "shallow.onnx");
    await writeFile(teacher, writeOnnx(graph));
    const notes: string[] = [];
    const muon = { ...settings, optimiser: "muon", range: 255, init: "plain", steps: 1 } as const;
    await compress({ out: join(folder, "run"), settings: { ...muon, teacher } }, { note: (text) => notes.push(text) });
    expect(notes.join()).toContain("which is what Muon moves: Adam moves all of it");
    notes.length = 0;
    const deep = await smallTeacher(folder);
    await compress(
      { out: join(folder, "deep"), settings: { ...muon, teacher: deep } },
      { note: (text) => notes.push(text) },
    );
    expect(notes.join()).not.toContain("Muon");
  });

  it("has settings of one kind: a teacher, or a network to train", async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const network = {
      architecture: "edsr",
      scale: 2,
      features: 8,
      blocks: 1,
      resScale: 1,
      mean: [0, 0, 0],
      range: 255,
    };
    const both = { ...settings, teacher, network } as PartialSettings;
    await expect(compress({ out: join(folder, "run"), settings: both })).rejects.toThrow("one of them is left out");
  });
});
