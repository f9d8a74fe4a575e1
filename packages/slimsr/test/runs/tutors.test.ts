import { readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { edsr, modelOf, randomParameters } from "../../../../test/support/networks.js";
import { noise } from "../../../../test/support/photographs.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { InterruptedError, RunError, UsageError } from "../../../core/src/errors.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { add, exp, mul, sub } from "../../../core/src/operators/index.js";
import { compressCommand } from "../../src/cli/compress.js";
import { settingsOf } from "../../src/cli/settings-options.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { contender, onnxContender } from "../../src/evaluation/contender.js";
import { saveCheckpoint } from "../../src/files/checkpoints.js";
import { compress, train } from "../../src/runs/compress.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { settleTutors } from "../../src/runs/tutors.js";
import { silent } from "../../src/stage.js";
import { journalOf, temporaryFolder } from "../cli/runs.js";
import { photographs, place } from "../datasets/folders.js";
import { enlarging, nearest } from "./nearest.js";
import { ownCache } from "./own-cache.js";

vi.setConfig({ testTimeout: 120_000 });

ownCache();

const settings: PartialSettings = {
  ...{ method: "kd", init: "plain", width: [0.5], batch: 2, patch: 12, threads: 1, validationPatch: 16 },
  ...{ steps: 3, warmup: 0, checkpointEvery: 1, belowBicubic: true },
};

/** Farther from any image than any of the two ranges goes. */
const FAR = Float32Array.of(1e5);

/** What a run of small images needs, with a tutor of range 0..1. */
async function given(folder: string): Promise<PartialSettings & { tutor: string[] }> {
  const network = edsr(2, { features: 16, blocks: 1 });
  const [images, teacher, tutor] = ["images", "teacher.safetensors", "nearest.onnx"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await place(images, Object.fromEntries([0, 1, 2].map((i) => [`${i}.bmp`, noise(60, 50, 3, 8, i)])));
  await saveCheckpoint(teacher, { network, parameters: stateOf(randomParameters(network)) });
  await writeFile(tutor, nearest(1));
  return { ...settings, train: images, val: images, teacher, tutor: [tutor] };
}

const student = (out: string): Promise<Buffer> => readFile(join(out, "student-w0.5.safetensors"));

async function begun(out: string, own: PartialSettings): Promise<void> {
  const controller = new AbortController();
  const run = compress({ out, settings: own }, { signal: controller.signal, onStep: () => controller.abort() });
  await expect(run).rejects.toThrow(InterruptedError);
}

describe("a run with a tutor", () => {
  it("learns its output in the range found, keeps it, and goes on without its file to the same bytes", async () => {
    const folder = await temporaryFolder();
    const own = await given(folder);
    const [whole, broken, alone] = ["whole", "broken", "alone"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const notes: string[] = [];
    const { outcome } = await compress({ out: whole, settings: own }, { note: (text) => notes.push(text) });
    expect(notes).toContain("tutor nearest.onnx: range 0..1, found by running it");
    expect(outcome.rows.map(({ model }) => model)).toEqual([
      "bicubic",
      "teacher before",
      "tutor nearest.onnx",
      "student",
    ]);
    const report = await readFile(join(whole, "report.html"), "utf8");
    expect(report).toContain("L1 + L1 to the tutor; tutor nearest.onnx");
    expect(report).toContain("Students learnt the output of tutor nearest.onnx on whole training images");
    await begun(broken, own);
    await rm(own.tutor[0] as string);
    await compress({ resume: broken });
    expect((await student(broken)).equals(await student(whole))).toBe(true);
    await compress({ out: alone, settings: { ...own, tutor: [] } });
    expect((await student(alone)).equals(await student(whole))).toBe(false);
    // What is learnt is no random network's output: it lies near the truth.
    const distilled = async (out: string) =>
      (await journalOf(out)).flatMap((line) => (line.kind === "step" ? [line.losses] : []))[0];
    const [taught, untaught] = [await distilled(whole), await distilled(alone)];
    expect(taught?.["l1_student.0"]).toBe(untaught?.["l1_student.0"]);
    expect(taught?.["distillation.0"]).not.toBe(untaught?.["distillation.0"]);
  });

  it("that isn't the one it began with is refused", async () => {
    const folder = await temporaryFolder();
    const out = join(folder, "run");
    await begun(out, await given(folder));
    await writeFile(join(out, "tutor-1.onnx"), nearest(255));
    const resumed = compress({ resume: out });
    await expect(resumed).rejects.toThrow(RunError);
    await expect(resumed).rejects.toThrow("tutor-1.onnx is another tutor");
  });

  it.each<[string, PartialSettings]>([
    ["csd with a frozen teacher", { method: "csd", teacherWeights: "frozen", negatives: 1, contrasted: 1 }],
    ["joint", { method: "joint", lambdaDistillation: 1, lambdaAnchor: 1 }],
    ["kd, a self-ensemble", { selfEnsemble: true }],
  ])("is trained by %s", async (_, more) => {
    const folder = await temporaryFolder();
    const out = join(folder, "run");
    const { outcome } = await compress({ out, settings: { ...(await given(folder)), ...more, steps: 1 } });
    expect(outcome.rows.some(({ model }) => model === "tutor nearest.onnx")).toBe(true);
  });

  it("and no teacher is a network that is trained anew", async () => {
    const folder = await temporaryFolder();
    const { teacher: _, method: __, init: ___, width: ____, ...own } = await given(folder);
    const network = edsr(2, { features: 8, blocks: 1 });
    const run = await train({ out: join(folder, "run"), settings: { ...own, network } });
    expect(run.settings).toMatchObject({ method: "kd", init: "random", lambdaDistillation: 1 });
    expect(run.outcome.rows.map(({ model }) => model)).toEqual(["bicubic", "tutor nearest.onnx", "student"]);
  });

  it.each<[PartialSettings, string]>([
    [{ method: "slice" }, "students of method slice learn no other network's output"],
    [{ method: "joint", lambdaDistillation: 0 }, "students of method joint learn no other network's output"],
    [{ keepOutputs: "off" }, "needs outputs that are kept"],
    [{ tutor: ["a.onnx", "a.onnx"] }, "two are called a.onnx"],
    [{ tutor: ["none.onnx"] }, "none.onnx cannot be read"],
    [{ tutor: [], selfEnsemble: true, method: "csd", teacherWeights: "shared" }, "the teacher is trained too"],
  ])("%j is refused", async (more, message) => {
    const folder = await temporaryFolder();
    const refused = compress({ out: join(folder, "run"), settings: { ...(await given(folder)), ...more } });
    await expect(refused).rejects.toThrow(message);
  });

  it("of another scale is refused before images are read", async () => {
    const folder = await temporaryFolder();
    const network = edsr(3, { features: 8, blocks: 1 });
    const tutor = join(folder, "x3.safetensors");
    await saveCheckpoint(tutor, { network, parameters: stateOf(randomParameters(network)) });
    const stages: string[] = [];
    const refused = compress(
      { out: join(folder, "run"), settings: { ...(await given(folder)), tutor: [tutor] } },
      {
        stage: (label, _, work) => {
          stages.push(label);
          return work(() => undefined);
        },
      },
    );
    await expect(refused).rejects.toThrow(/x3\.safetensors.*3/);
    expect(stages).toEqual([]);
  });

  it("is named on the command line, any number of files", () => {
    const command = compressCommand();
    command.parseOptions(["--tutor", "a.onnx", "b.pt", "--self-ensemble"]);
    expect(settingsOf(command.opts())).toMatchObject({
      tutor: [resolve("a.onnx"), resolve("b.pt")],
      selfEnsemble: true,
    });
  });
});

describe("tutors measured before training", () => {
  async function settled(
    tutors: Parameters<typeof settleTutors>[0],
    teacher: Parameters<typeof settleTutors>[1],
    more: PartialSettings = {},
  ) {
    const centres = await openDataset(await photographs(), { scale: 2 });
    const resolved = resolveSettings({ ...settings, teacher: "t", train: "x", val: "x", ...more }, "settings");
    const notes: string[] = [];
    const found = await settleTutors(tutors, teacher, centres, resolved, {
      stage: silent,
      note: (text) => notes.push(text),
    });
    return { ranges: found.map(({ range }) => range), notes };
  }

  const random = modelOf(edsr(2, { features: 8, blocks: 1 }));

  it("are said to be worse than the teacher where they are", async () => {
    const tutor = onnxContender("tutor nearest", nearest(255));
    expect(await settled([tutor], random)).toEqual({ ranges: [255], notes: [] });
    const { notes } = await settled([contender("tutor random", 1, random)], readModel(nearest(255), "nearest.onnx"));
    expect(notes).toEqual([
      expect.stringMatching(/^tutor random is worse than the teacher on the validation images: \S+ dB to \S+$/),
    ]);
  });

  it("must be above bicubic interpolation, unless it is said that they needn't", async () => {
    const tutor = onnxContender("tutor nearest", nearest(255));
    await expect(settled([tutor], undefined, { belowBicubic: false })).rejects.toThrow(UsageError);
    await expect(settled([tutor], undefined, { belowBicubic: false })).rejects.toThrow("worse than bicubic");
  });

  it("must have a range that can be found, or say it", async () => {
    const far = onnxContender(
      "tutor",
      enlarging((image) => add(mul(image, 0), image.graph.constant(FAR, [1]))),
    );
    await expect(settled([far], undefined)).rejects.toThrow(
      /^tutor doesn't say .*; write it into the file: slimsr convert/,
    );
  });

  it("are taken in the one range in which they can be run", async () => {
    // The square of exp(x) overflows where pixels go to 255, and the difference of infinities is no number.
    const bytes = enlarging((image) => {
      const square = mul(exp(image), exp(image));
      return mul(image, exp(sub(square, square)));
    });
    expect((await settled([onnxContender("tutor", bytes)], undefined)).ranges).toEqual([1]);
  });
});
