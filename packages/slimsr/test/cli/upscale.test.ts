import { readdirSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodeBmp } from "../../../upscaler/src/images/bmp.js";
import { SHIPPED_MODELS } from "../../../upscaler/src/loading/shipped-models.js";
import { modelsCommand } from "../../src/cli/models.js";
import { upscaleCommand } from "../../src/cli/upscale.js";
import { picture, writeAnimation, writePictures } from "../upscaling/pictures.js";
import { Captured } from "./captured.js";
import { smallTeacher, temporaryFolder } from "./runs.js";

const sizeOf = async (path: string): Promise<number[]> => {
  const { width, height } = await sharp(path).metadata();
  return [width, height];
};

const filesBelow = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.\w+$/.test(name)).sort();

describe("slimsr upscale", () => {
  const command = new Captured();
  const upscale = (...words: string[]) => command.run(upscaleCommand(), [...words, "--threads", "1"]);

  /** A folder, and a small model in another. */
  async function setUp(): Promise<{ folder: string; model: readonly string[] }> {
    const folder = await temporaryFolder();
    return { folder, model: ["--model", await smallTeacher(await temporaryFolder())] };
  }

  it("makes files of every kind larger, each in its own format", async () => {
    const { folder, model } = await setUp();
    const input = join(folder, "in");
    await writePictures(input, ["a.png", "b.jpg", "c.webp", "d.tiff", "e.avif", "Über 'all'.JPG"]);
    await writeAnimation(join(input, "f.gif"));
    await picture(12, 10, 4).png().toFile(join(input, "alpha.png"));
    await picture().greyscale().toColourspace("b-w").png().toFile(join(input, "grey.png"));
    await picture().toColourspace("rgb16").png().toFile(join(input, "wide.png"));
    const { data, info } = await picture().raw().toBuffer({ resolveWithObject: true });
    await writeFile(join(input, "g.bmp"), encodeBmp({ ...info, channels: 3, depth: 8, data }));
    const output = await upscale(input, "-o", join(folder, "out/"), ...model);
    const names = filesBelow(join(folder, "out"));
    expect(names).toEqual(filesBelow(input));
    expect(output.match(/12×10 → 24×20, /g)).toHaveLength(names.length - 1);
    for (const name of names.filter((each) => !each.endsWith(".bmp"))) {
      const [made, given] = await Promise.all(
        ["out", "in"].map((side) => sharp(join(folder, side, name), { animated: true }).metadata()),
      );
      expect([made?.format, made?.width, made?.pages, made?.channels, made?.depth], name).toEqual([
        given?.format,
        24,
        given?.pages,
        given?.channels,
        given?.depth,
      ]);
    }
    expect((await readFile(join(folder, "out/g.bmp"))).readInt32LE(18)).toBe(24);
  });

  it("takes patterns that the shell has left, and folders with what is in them", async () => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["in/a1.png", "in/a2.png", "in/b.png", "in/deep/er/c.png", "in/.hidden/d.png"]);
    await writeFile(join(folder, "in/notes.txt"), "none");
    await upscale(join(folder, "in/a*.png"), "-o", join(folder, "pattern/"), ...model);
    expect(filesBelow(join(folder, "pattern"))).toEqual(["a1.png", "a2.png"]);
    await upscale(join(folder, "in"), "-o", join(folder, "flat/"), ...model);
    expect(filesBelow(join(folder, "flat"))).toEqual(["a1.png", "a2.png", "b.png"]);
    // A folder of outputs in that of inputs is no input.
    for (const more of [[], ["--skip-existing"]]) {
      await upscale(join(folder, "in"), "-o", join(folder, "in/tree/"), "--recursive", ...model, ...more);
      expect(filesBelow(join(folder, "in/tree"))).toEqual(["a1.png", "a2.png", "b.png", "deep/er/c.png"]);
    }
  });

  it("writes beside inputs with a suffix, and doesn't take its outputs for inputs the next time", async () => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["a.png", "b.jpeg"]);
    await upscale(folder, ...model);
    expect(filesBelow(folder)).toEqual(["a.png", "a_x2.png", "b.jpeg", "b_x2.jpeg"]);
    await upscale(folder, "--skip-existing", ...model);
    await upscale(join(folder, "a.png"), "--suffix", "-big", "--format", "webp", "--scale", "1.5", ...model);
    await upscale(join(folder, "a.png"), "--long-edge", "30", ...model);
    await upscale(join(folder, "a.png"), "--size", "40x9", ...model);
    expect(filesBelow(folder)).toEqual([
      ...["a-big.webp", "a.png", "a_30.png", "a_40x9.png", "a_x2.png", "b.jpeg", "b_x2.jpeg"],
    ]);
    const sizes = await Promise.all(["a-big.webp", "a_30.png", "a_40x9.png"].map((name) => sizeOf(join(folder, name))));
    expect(sizes).toEqual([
      [18, 15],
      [30, 25],
      [40, 9],
    ]);
  });

  it.each<[string, string[], string]>([
    ["a file that isn't there", ["none.png"], "none.png: there is no such file or folder"],
    ["a pattern without matches", ["none*.png"], "nothing matches this pattern"],
    ["an empty folder", ["empty"], "there is no image or video in this folder"],
    ["outputs that are one", ["a.png", "deep/a.png", "-o", "out/"], "would both become"],
    [
      "outputs that become one by the format",
      ["a.png", "a.jpg", "-o", "out/", "--format", "webp"],
      "would both become",
    ],
    ["an output that is the input", ["a.png", "-o", "a.png"], "is an input, which would be lost"],
    ["an output that is the input by another name", ["a.png", "-o", "link.png", "--force"], "is the input"],
    ["an output that is another input", ["a.png", "b.png", "-o", "deep/../", "--suffix", ""], "is an input"],
    ["an unknown format", ["a.png", "-o", "b.jp3"], "ends in no known format"],
    ["a name that contradicts the format", ["a.png", "-o", "b.png", "--format", "jpeg"], "--format says jpeg"],
    ["a folder into one file", ["deep", "-o", "one.png"], "a folder can't become the one file"],
    ["many into one file", ["a.png", "b.png", "-o", "one.png"], "can't become the one file"],
    ["a folder below a file", ["a.png", "-o", "b.png/c/"], "can't be made"],
    ["what is there", ["a.png", "b.png", "-o", "full/"], "exists, and so do 1 more; give --skip-existing"],
    ["two sizes", ["a.png", "--scale", "2", "--size", "20x20"], "cannot be used with"],
    ["two ways of keeping what is there", ["a.png", "--force", "--skip-existing"], "cannot be used with"],
    ["a limit beside a choice", ["a.png", "--quality", "1", "--max-ms", "10"], "is a choice already"],
    ["a choice without a limit", ["a.png", "--quality", "auto"], "--max-ms 100 or --min-fps 25"],
    ["a quality that the model hasn't", ["a.png", "--quality", "0.3"], "quality 0.3 isn't in the file"],
    ["an encoder of videos for images", ["a.png", "--crf", "20"], "there is none among the inputs"],
    ["a picture as a video", ["a.png", "-o", "a.mp4"], "ends in no known format"],
    ["the standard input beside a file", ["-", "a.png"], "name files and folders in another call"],
    ["JSON where the image goes", ["-", "--json"], "the standard output has the image"],
    ["a page where the image goes", ["-", "-o", "-", "--compare"], "name a file with -o"],
  ])("refuses %s before any work", async (_, words, reason) => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["a.png", "a.jpg", "b.png", "deep/a.png", "full/a.png", "full/b.png"]);
    await mkdir(join(folder, "empty"));
    await symlink("a.png", join(folder, "link.png"));
    const before = filesBelow(folder);
    const isPath = (word: string, i: number) =>
      !/^-|^\w+$|^[\d.x]+$/.test(word) || (/^(empty|deep)$/.test(word) && i === 0);
    const placed = words.map((word, i) =>
      isPath(word, i) && words[i - 1] !== "--suffix" ? `${folder}/${word}` : word,
    );
    const error = (await upscale(...placed, ...model).catch((thrown: unknown) => thrown)) as Error & {
      exitCode: number;
    };
    expect(error.message).toContain(reason);
    expect(error.exitCode === 2 || /commander/.test(String((error as unknown as { code: string }).code))).toBe(true);
    expect(filesBelow(folder)).toEqual(before);
  });

  it("replaces what is there by --force alone, and leaves it out by --skip-existing", async () => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["a.png", "b.png"]);
    const output = join(folder, "out");
    await writePictures(output, ["a.png"]);
    const text = await upscale(join(folder, "*.png"), "-o", output, "--skip-existing", ...model);
    expect(text).toContain("1 left out, whose outputs are there");
    expect(await Promise.all(["a.png", "b.png"].map((name) => sizeOf(join(output, name))))).toEqual([
      [12, 10],
      [24, 20],
    ]);
    await upscale(join(folder, "*.png"), "-o", output, "--force", ...model);
    expect(await sizeOf(join(output, "a.png"))).toEqual([24, 20]);
  });

  it("goes on past files that fail, and tells them at the end", async () => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["a.png", "c.png", "e.png"]);
    await writeFile(join(folder, "b.png"), "no picture");
    const whole = await readFile(join(folder, "a.png"));
    await writeFile(join(folder, "d.png"), whole.subarray(0, whole.length - 40));
    const words = [folder, "-o", join(folder, "out/"), "--json", "--jobs", "2", ...model];
    const error = (await upscale(...words).catch((thrown: unknown) => thrown)) as Error & { exitCode: number };
    expect(error.exitCode).toBe(1);
    expect(error.message).toMatch(/^2 of 5 files can't be upscaled:\n {2}.*b\.png.*\n {2}.*d\.png/);
    const report = JSON.parse(command.output);
    expect(report).toMatchObject({ scale: 2, quality: 1, device: "cpu", interrupted: false, skipped: [] });
    expect(report.failures.map(({ input }: { input: string }) => input).sort()).toEqual(
      ["b.png", "d.png"].map((name) => join(folder, name)),
    );
    expect(report.files).toHaveLength(3);
    expect(report.files[0]).toMatchObject({
      kind: "image",
      from: { width: 12, height: 10 },
      width: 24,
      height: 20,
      notes: [],
    });
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["a.png", "c.png", "e.png"]);
  });

  it("keeps what goes with the pixels, or strips it", async () => {
    const { folder, model } = await setUp();
    const exif = { IFD0: { Copyright: "somebody" } };
    await picture()
      .withExif(exif)
      .withMetadata({ orientation: 6 })
      .withIccProfile("p3")
      .jpeg()
      .toFile(join(folder, "a.jpg"));
    await upscale(join(folder, "a.jpg"), "-o", join(folder, "kept.jpg"), ...model);
    await upscale(join(folder, "a.jpg"), "-o", join(folder, "bare.jpg"), "--metadata", "strip", ...model);
    const [kept, bare] = await Promise.all(
      ["kept.jpg", "bare.jpg"].map((name) => sharp(join(folder, name)).metadata()),
    );
    for (const [made, isKept] of [
      [kept, true],
      [bare, false],
    ] as const) {
      expect([made?.width, made?.height, made?.orientation ?? 1]).toEqual([20, 24, 1]);
      expect([made?.hasProfile, made?.exif?.includes("somebody") ?? false]).toEqual([isKept, isKept]);
    }
  });

  it("writes a page that compares an image with bicubic", async () => {
    const { folder, model } = await setUp();
    await writePictures(folder, ["a.png"]);
    await upscale(join(folder, "a.png"), "--compare", ...model);
    const page = await readFile(join(folder, "a_x2.compare.html"), "utf8");
    const tiles = [
      ...page.matchAll(/<img src="data:image\/png;base64,([^"]+)" width="24" height="20" alt="a\.png, (\w+)"/g),
    ];
    expect(tiles.map(([, , label]) => label)).toEqual(["bicubic", "upscaled"]);
    const [bicubic, upscaled] = await Promise.all(
      tiles.map(([, bytes = ""]) => sharp(Buffer.from(bytes, "base64")).raw().toBuffer()),
    );
    expect(upscaled).toEqual(await sharp(join(folder, "a_x2.png")).raw().toBuffer());
    expect(bicubic).toEqual(await picture().resize(24, 20, { kernel: "cubic" }).raw().toBuffer());
    expect(page).toContain('class="slider"');
    expect(page).not.toMatch(/(src|href)="http/);
  });
});

describe("slimsr models", () => {
  const command = new Captured();

  it("lists the models that ship, with what they are for", async () => {
    const text = await command.run(modelsCommand(), []);
    for (const { name, purpose, licence } of SHIPPED_MODELS) {
      for (const each of [name, purpose, licence]) expect(text).toContain(each);
    }
    const listed = JSON.parse(await command.run(modelsCommand(), ["--json"]));
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(SHIPPED_MODELS.map(({ name }) => name));
    for (const { bytes, qualities } of listed) {
      expect(bytes).toBeGreaterThan(1000);
      expect(qualities[0]).toBe(1);
    }
  });
});
