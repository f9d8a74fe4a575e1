import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { DatasetError, UsageError } from "../../../core/src/errors.js";
import { toGrey } from "../../../core/src/images/colour.js";
import { type Dataset, type DatasetOptions, openDataset } from "../../src/datasets/dataset.js";
import { photographs, place, temporaryFolder } from "./folders.js";

vi.setConfig({ testTimeout: 60_000 });

const open = async (path: string, options: Omit<DatasetOptions, "cacheDirectory">): Promise<Dataset> =>
  openDataset(path, { cacheDirectory: await temporaryFolder(), ...options });

describe("a set for restoration", () => {
  it("has inputs of the truths' size, with noise that is the same each time", async () => {
    const folder = await photographs();
    const [one, two] = [
      await open(folder, { scale: 1, degrade: "noise:25" }),
      await open(folder, { scale: 1, degrade: "noise:25" }),
    ];
    expect(one).toMatchObject({ scale: 1, grey: false, degradation: "noise:25" });
    for (const [i, pair] of one.pairs.entries()) {
      const [input, lr, hr] = await Promise.all([pair.input(), pair.lr(), pair.hr()]);
      expect([input.planes, input.width, input.height]).toEqual([3, hr.width, hr.height]);
      expect([lr.width, lr.height]).toEqual([hr.width, hr.height]);
      expect(await two.pairs[i]?.input()).toEqual(input);
      expect(input.data.reduce((most, value) => Math.max(most, value))).toBeGreaterThan(255);
      expect(lr.data).toEqual(
        Uint8Array.from(lr.data, (_, at) => {
          const value = input.data[(at % 3) * hr.width * hr.height + Math.floor(at / 3)] as number;
          return Math.min(255, Math.max(0, Math.floor(value + 0.5)));
        }),
      );
    }
  });

  it("is grey for networks of grey images, before anything is done to it", async () => {
    const folder = await photographs();
    const [grey, colour] = [
      await open(folder, { scale: 1, degrade: "jpeg:30", grey: true }),
      await open(folder, { scale: 1, degrade: "jpeg:30" }),
    ];
    const [made, original] = [await grey.pairs[0]?.hr(), await colour.pairs[0]?.hr()];
    expect(made).toEqual(toGrey(original as NonNullable<typeof original>));
    expect(await grey.pairs[0]?.input()).toMatchObject({ planes: 1 });
  });

  it("makes LR as asked, though there is LR beside it", async () => {
    const folder = await temporaryFolder();
    await place(folder, { "HR/a.png": noise(24, 18, 3, 8), "LR_bicubic/X2/ax2.png": noise(12, 9, 3, 8, 5) });
    const stored = await open(folder, { scale: 2 });
    expect(stored.degradation).toBe("as found");
    const made = await open(folder, { scale: 2, degrade: "blur:1.6+bicubic" });
    expect(made.degradation).toBe("blur:1.6+bicubic");
    expect(made.note).toContain("its LR images are left out");
    expect(await made.pairs[0]?.lr()).not.toEqual(await stored.pairs[0]?.lr());
    expect(await open(folder, { scale: 1, degrade: "noise:5" })).toMatchObject({ pairs: [{ name: "a" }] });
  });

  it("is refused where nothing says what is restored", async () => {
    const folder = await photographs();
    await expect(open(folder, { scale: 1 })).rejects.toThrow(UsageError);
    await expect(open(folder, { scale: 1 })).rejects.toThrow("nothing says what it restores");
    await expect(open(folder, { scale: 2, degrade: "noise:25" })).rejects.toThrow("bicubic+noise:25");
    await expect(open(folder, { scale: 1, degrade: "noise:25", input: folder })).rejects.toThrow("leave noise:25 out");
  });
});

describe("folders of inputs and truths", () => {
  const picture = (seed: number) => noise(24, 18, 3, 8, seed);

  async function folders(truths: readonly string[], inputs: readonly string[]) {
    const folder = await temporaryFolder();
    await place(folder, Object.fromEntries(truths.map((name, i) => [`truth/${name}`, picture(i)])));
    await place(folder, Object.fromEntries(inputs.map((name, i) => [`input/${name}`, picture(50 + i)])));
    return { truth: join(folder, "truth"), input: join(folder, "input") };
  }

  it.each<[string, string[], string[], [string, number][]]>([
    [
      "the same names",
      ["a.png", "b.png"],
      ["b.png", "a.png"],
      [
        ["a", 0],
        ["b", 1],
      ],
    ],
    [
      "SOTS's",
      ["1400.png", "1401.png"],
      ["1400_8.png", "1401_10.png"],
      [
        ["1400_8", 0],
        ["1401_10", 1],
      ],
    ],
    [
      "several inputs of one truth",
      ["0001.png"],
      ["0001_0.8_0.1.png", "0001_0.9_0.2.png"],
      [
        ["0001_0.8_0.1", 0],
        ["0001_0.9_0.2", 0],
      ],
    ],
    [
      "rain and norain",
      ["norain-001.png", "norain-002.png"],
      ["rain-002.png", "rain-001.png"],
      [
        ["rain-001", 0],
        ["rain-002", 1],
      ],
    ],
    [
      "words of roles",
      ["city_clean.png", "tree_clean.png"],
      ["city_hazy.png", "tree_hazy.png"],
      [
        ["city_hazy", 0],
        ["tree_hazy", 1],
      ],
    ],
    [
      "one that begins as another does",
      ["a.png", "a_b.png"],
      ["a_1.png", "a_b_1.png"],
      [
        ["a_1", 0],
        ["a_b_1", 1],
      ],
    ],
  ])("belong together by %s", async (_, truths, inputs, expected) => {
    const { truth, input } = await folders(truths, inputs);
    const set = await open(truth, { scale: 1, input });
    expect(set.degradation).toBe("as found");
    expect(set.pairs.map(({ name }) => name)).toEqual(expected.map(([name]) => name));
    for (const [i, [, seed]] of expected.entries()) expect(await set.pairs[i]?.hr()).toEqual(picture(seed));
  });

  it("are refused by the pair that doesn't fit", async () => {
    const { truth, input } = await folders(["a.png"], ["a.png", "c.png"]);
    await expect(open(truth, { scale: 1, input })).rejects.toThrow(
      /input\/c\.png: has no truth of its name in .*truth/,
    );
    expect((await open(truth, { scale: 1, input, skipBad: true })).pairs).toHaveLength(1);
    await place(input, { "a.png": noise(24, 17, 3, 8) });
    await expect(open(truth, { scale: 1, input, skipBad: true })).rejects.toThrow(
      /input\/a\.png: 24×17 pixels, but at ×1 .*truth\/a\.png \(24×18\) needs 24×18; the two must be of one size/,
    );
    await expect(open(truth, { scale: 1, input: join(input, "none") })).rejects.toThrow(DatasetError);
  });

  it("may be of a smaller input, too", async () => {
    const { truth, input } = await folders(["a.png"], []);
    await place(input, { "a.png": noise(12, 9, 3, 8) });
    const set = await open(truth, { scale: 2, input });
    expect(await set.pairs[0]?.lr()).toEqual(noise(12, 9, 3, 8));
  });
});
