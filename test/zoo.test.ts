import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Entry, entriesOf } from "../bench/zoo/entry.js";
import { missedGoals } from "../bench/zoo/goals.js";
import { SLICED_LABEL, slimmedLabel, trainedLabel, withStudents } from "../bench/zoo/labels.js";
import { tryNetwork } from "../bench/zoo/measure.js";
import { replacePart } from "../bench/zoo/page.js";
import { type NetworkRecord, Records } from "../bench/zoo/record.js";
import { degradationOf, testSets } from "../bench/zoo/sets.js";
import { renderNetworks } from "../bench/zoo/table.js";
import { writeSafetensors } from "../packages/core/src/checkpoints/safetensors.js";
import { GraphError, InterruptedError } from "../packages/core/src/errors.js";
import { exportModel } from "../packages/core/src/export/onnx.js";
import { EMBEDDED_IMAGES } from "../packages/slimsr/src/assets.js";
import { ROOT } from "./support/child.js";
import { outputOf, randomPatches, smallModel, smallNetworks } from "./support/small-networks.js";

const STUDENTS = { widths: [0.5], trainWidths: [0.5], steps: 2 };
const FOLDERS = {
  testSets: join(ROOT, "test/fixtures"),
  train: EMBEDDED_IMAGES,
  val: join(ROOT, "test/fixtures/images"),
};

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "slimsr-zoo-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const ABOUT = {
  ...{ task: "sr", scale: 2, channels: 3, range: 255, parameters: 1, psnr: { images: 40 } },
  ...{ licence: "Apache-2.0", source: "random weights", architecture: "EDSR" },
};

/** A folder with a network of random weights. */
async function networks(): Promise<string> {
  const path = folder();
  const model = smallModel(smallNetworks(2)[0] as ReturnType<typeof smallNetworks>[number]);
  const patches = randomPatches(1);
  const output = await outputOf(model, patches);
  const tensors = {
    input: { dtype: "float32" as const, shape: [1, 3, 12, 12], data: patches.data },
    output: { dtype: "float32" as const, shape: [1, 3, 24, 24], data: output },
  };
  writeFileSync(join(path, "small.onnx"), exportModel(model));
  writeFileSync(join(path, "small.json"), JSON.stringify(ABOUT));
  writeFileSync(join(path, "small.safetensors"), writeSafetensors(new Map(Object.entries(tensors))));
  return path;
}

const entry = (about: object, name = "some"): Entry => ({
  ...{ name, onnx: "some.onnx", tensors: "some.safetensors", digest: "" },
  about: { ...ABOUT, ...about } as Entry["about"],
});

describe("npm run zoo", () => {
  it("takes a network through all that is done with it, and finds it done", { timeout: 300_000 }, async () => {
    const [found] = (await entriesOf(await networks(), undefined)) as [Entry];
    const out = folder();
    const said: string[] = [];
    const work = {
      ...STUDENTS,
      ...{ folders: FOLDERS, out, again: false, signal: new AbortController().signal },
      say: (text: string) => said.push(text),
    };
    const records = await Records.open(out, found, "machine", false);
    await tryNetwork(found, records, work);
    const { record } = records;
    // What students of random weights are worth beside one another is chance.
    const missed = missedGoals(record).filter((goal) => !/no better than|made it worse/.test(goal));
    expect(missed).toEqual([expect.stringMatching(/^images: [\d.]+ dB, but 40 is known$/)]);
    expect(Object.keys(record.slimmed)).toEqual([slimmedLabel(0.5), SLICED_LABEL]);
    expect(record.trained[trainedLabel(0.5, 2)]).toMatchObject({
      result: { set: "images", sizes: [{ height: 32 }, { width: 56 }, { height: 72 }] },
    });

    said.length = 0;
    const again = await Records.open(out, found, "machine", false);
    await tryNetwork(found, again, work);
    expect(said).toEqual([]);
    expect(again.record).toEqual(record);
    expect((await Records.open(out, found, "machine", true)).record.slimmed).toEqual({});
    expect((await Records.open(out, { ...found, digest: "another" }, "machine", false)).record.slimmed).toEqual({});
    expect(renderNetworks([record], STUDENTS, "text")).toMatch(/^small +images .*off ✗/m);
  });

  it("names networks and files that aren't there", async () => {
    const path = await networks();
    await expect(entriesOf(path, ["other"])).rejects.toThrow(/no other\.onnx in .*; there are small/);
    rmSync(join(path, "small.json"));
    await expect(entriesOf(path, undefined)).rejects.toThrow(/small\.json is missing/);
  });

  it("keeps what goes wrong, does that again, and ends when it is interrupted", async () => {
    const out = folder();
    const records = await Records.open(out, entry({}), "machine", false);
    const failing = async () => {
      throw new GraphError("of a kind");
    };
    await records.student("slimmed", "width 0.5", failing);
    expect(missedGoals(records.record)).toEqual(["width 0.5: of a kind"]);
    expect(renderNetworks([records.record], STUDENTS, "markdown")).toContain("- some: ✗ width 0.5: of a kind\n");
    const result = { set: "Set5", psnr: Number.POSITIVE_INFINITY, parameters: 1, macs: null, ms: 1, seconds: 1 };
    await records.student("slimmed", "width 0.5", async () => result);
    await records.student("slimmed", "width 0.5", failing);
    const { record } = await Records.open(out, entry({}), "machine", false);
    expect(record.slimmed["width 0.5"]).toEqual({ result });
    await expect(
      records.student("slimmed", "width 0.1", async () => {
        throw new InterruptedError("stopped");
      }),
    ).rejects.toThrow("stopped");
  });

  it("marks each goal that is missed", () => {
    const measured = (psnr: number) => ({ set: "Set5", psnr, parameters: 1, macs: 1, ms: 1, seconds: 1 });
    const record = (difference: number, trained: number, problem?: string): NetworkRecord => ({
      ...{ name: "a", digest: "", architecture: "", source: "", licence: "", task: "sr", machine: "", date: "" },
      golden: { result: [{ tensor: "output", difference }] },
      evaluated: { result: [{ ...measured(30.002), expected: 30, baseline: 28 }] },
      slimmed: { [slimmedLabel(0.5)]: { result: measured(29) }, [SLICED_LABEL]: { result: measured(trained - 1) } },
      trained: {
        [trainedLabel(0.5, 2)]: {
          result: {
            ...measured(trained),
            whole: 2,
            difference,
            sizes: [{ height: 8, width: 8, ...(problem && { problem }) }],
          },
        },
      },
    });
    expect(missedGoals(record(1e-4, 29.5))).toEqual([]);
    expect(missedGoals(record(2e-3, 28.9, "no"))).toEqual([
      "output is off by 2.0e-3 of the range",
      "width 0.5, 2 steps: training made it worse",
      "width 0.5, 2 steps: exported, it is off by 2.0e-3",
      "width 0.5, 2 steps at 8×8: no",
    ]);
    expect(missedGoals(record(1e-4, 31))).toEqual(["slimmed no better than its first channels"]);
    expect(missedGoals(withStudents(record(1e-4, 28.9, "no"), { ...STUDENTS, steps: 3 }))).toEqual([]);
  });

  it("finds sets and the level of noise by name", () => {
    const val = join(ROOT, "test/fixtures/images");
    const sets = testSets(entry({ psnr: { golden: 1, "images2-3": 2, "golden (exported form)": 3 } }), {
      ...FOLDERS,
      val,
    });
    expect(sets).toEqual([
      { name: "golden", path: join(ROOT, "test/fixtures/golden"), expected: 3 },
      { name: "images2-3", path: val, range: { first: 2, last: 3 }, expected: 2 },
    ]);
    const several = folder();
    for (const name of ["Kodak", "Set5"]) mkdirSync(join(several, name));
    const namesOf = (psnr: object) =>
      testSets(entry({ psnr }), { ...FOLDERS, testSets: several }).map(({ name }) => name);
    expect(namesOf({ Kodak: 1, Set5: 1 })).toEqual(["Set5", "Kodak"]);
    expect(namesOf({})).toEqual(["Set5"]);
    expect(() => testSets(entry({ psnr: { Set99: 1 } }), FOLDERS)).toThrow(/no set Set99/);
    expect(degradationOf(entry({ task: "denoise" }, "ffdnet_color25_even"))).toBe("noise:25");
    expect(degradationOf(entry({}, "ffdnet_color25"))).toBeUndefined();
    expect(() => degradationOf(entry({ task: "denoise" }, "dncnn"))).toThrow(/name must tell the noise/);
  });

  it("writes its table between a page's markers", async () => {
    const file = join(folder(), "page.md");
    writeFileSync(file, "before\n<!-- npm run zoo -->\nold\n<!-- end -->\nafter\n");
    await replacePart(file, "new");
    await replacePart(file, "newer");
    expect(readFileSync(file, "utf8")).toBe("before\n<!-- npm run zoo -->\n\nnewer\n<!-- end -->\nafter\n");
    writeFileSync(file, "nothing");
    await expect(replacePart(file, "new")).rejects.toThrow(/has no lines <!-- npm run zoo -->/);
  });
});
