import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { SlimsrError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { psnr } from "../../../core/src/metrics/psnr.js";
import { type Dataset, openDataset } from "../../src/datasets/dataset.js";
import { prepareBenchmark } from "../../src/datasets/prepare.js";
import { damaged, randomness } from "../images/damage.js";
import { listing, place, temporaryFolder } from "./folders.js";

/** Harm done to a set's folder; `file` is one of its images. */
const harms: Record<string, (folder: string, file: string, random: (below: number) => number) => Promise<unknown>> = {
  "a file removed": (folder, file) => rm(join(folder, file)),
  "a file emptied": (folder, file) => truncate(join(folder, file)),
  "a file cut short": (folder, file, random) => truncate(join(folder, file), random(1000)),
  "a file damaged": async (folder, file, random) =>
    writeFile(join(folder, file), damaged(await readFile(join(folder, file)), random(1000)).bytes),
  "an image of another size": (folder, file, random) =>
    place(folder, { [file]: noise(1 + random(40), 1 + random(40), 3, 8) }),
  "an image of another kind": (folder, file) => place(folder, { [file]: noise(24, 20, 4, 16) }),
  "a folder in a file's place": async (folder, file) => {
    await rm(join(folder, file));
    await mkdir(join(folder, file));
  },
  "a dangling link": async (folder, file) => {
    await rm(join(folder, file));
    await symlink("nowhere.png", join(folder, file));
  },
  "a link to its own folder": (folder) => symlink("..", join(folder, "HR", "loop")),
  "a text with an image's ending": (folder, file) => writeFile(join(folder, file), "not an image"),
  "an odd name": (folder, file) => rename(join(folder, file), join(folder, "HR", "né\n ‮ %s .png")),
  "a second image of the same name": (folder) => place(folder, { "HR/1.bmp": noise(24, 20, 3, 8) }),
  "no HR folder": (folder) => rm(join(folder, "HR"), { recursive: true }),
  "no LR folder": (folder) => rm(join(folder, "LR_bicubic"), { recursive: true }),
  "a file in the LR folder's place": async (folder) => {
    await rm(join(folder, "LR_bicubic", "X2"), { recursive: true });
    await writeFile(join(folder, "LR_bicubic", "X2"), "");
  },
  "other files beside": (folder) => writeFile(join(folder, "HR", "Thumbs.db"), "x"),
};

describe("damaged data folders", () => {
  let sound = "";
  let made = "";
  beforeAll(async () => {
    made = await mkdtemp(join(tmpdir(), "slimsr-fuzz-"));
    sound = join(made, "sound");
    await place(join(made, "source"), Object.fromEntries([1, 2, 3].map((i) => [`${i}.png`, noise(24, 20, 3, 8, i)])));
    await prepareBenchmark(join(made, "source"), [2], sound);
    return () => rm(made, { recursive: true });
  }, 60_000);

  /** An opened set must be sound: every pair fits, and its PSNR is a number. */
  async function check(dataset: Dataset): Promise<void> {
    expect(dataset.pairs.length).toBeGreaterThan(0);
    for (const pair of dataset.pairs) {
      const value = psnr(resizeBicubic(await pair.lr(), 2), await pair.hr(), { border: 2 });
      expect(value).not.toBeNaN();
    }
  }

  it.each(Object.keys(harms))(
    "%s: a sound set or an error that says what to do",
    async (name) => {
      const cacheDirectory = await temporaryFolder();
      for (let seed = 0; seed < 5; seed++) {
        const random = randomness(name.length * 31 + seed);
        const folder = await temporaryFolder();
        await cp(sound, folder, { recursive: true });
        const files = await listing(folder);
        await harms[name]?.(folder, files[random(files.length)] as string, random);
        for (const skipBad of [false, true]) {
          try {
            await check(await openDataset(folder, { scale: 2, cacheDirectory, skipBad }));
          } catch (error) {
            if (!(error instanceof SlimsrError)) throw error;
            expect(error.message).toContain(folder);
          }
        }
      }
    },
    300_000,
  );
});
