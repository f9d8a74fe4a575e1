import { copyFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { edsr, randomParameters } from "../../../../test/support/networks.js";
import { noise } from "../../../../test/support/photographs.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { ablateCommand } from "../../src/cli/ablate.js";
import { saveCheckpoint } from "../../src/files/checkpoints.js";
import { place } from "../datasets/folders.js";
import { Captured } from "./captured.js";
import { smallTeacher, temporaryFolder } from "./runs.js";

vi.setConfig({ testTimeout: 240_000 });

const captured = new Captured();

it("runs of a comparison are reused where teacher and images are what they were, wherever these lie", async () => {
  const folder = await temporaryFolder();
  const at = (...parts: string[]) => join(folder, ...parts);
  const images = (first: number) => Object.fromEntries([0, 1].map((i) => [`${i}.bmp`, noise(60, 50, 3, 8, first + i)]));
  for (const [i, name] of ["train", "val", "test"].entries()) await place(at(name), images(10 * i));
  const teacher = await smallTeacher(folder);
  const out = at("out");
  const ablate = async (more: Readonly<Record<string, string>> = {}) => {
    captured.complaints = "";
    const paths = { teacher, train: at("train"), val: at("val"), data: at("test"), ...more };
    const words = [
      ...Object.entries(paths).flatMap(([key, value]) => [`--${key}`, value]),
      ...["--method", "slice", "--init", "plain", "--steps", "2", "--batch", "2", "--patch", "12", "--threads", "1"],
      ...["--validation-patch", "16", "--checkpoint-every", "1", "--below-bicubic", "--out", out, "--json"],
    ];
    await captured.run(ablateCommand(), words);
    const { rows } = JSON.parse(await readFile(at("out", "slice-w0.5-s0", "result.json"), "utf8"));
    const student = rows.find(({ model }: { model: string }) => model === "student");
    return { psnr: student.psnr as number, said: captured.complaints };
  };
  const first = await ablate();
  expect(first.said).toContain("slice, width 0.5, seed 0: begins");
  expect((await ablate()).said).toContain("is done already");

  await rename(at("train"), at("photographs"));
  await copyFile(teacher, at("copy.safetensors"));
  const moved = { train: at("photographs"), teacher: at("copy.safetensors") };
  expect((await ablate(moved)).said).toContain("is done already");
  // One that isn't finished goes on with what was named now, and a further seed is compared with it.
  await rm(at("out", "slice-w0.5-s0", "result.json"));
  const resumed = await ablate({ ...moved, seed: "0,1" });
  expect(resumed.said).toMatch(/seed 0: is resumed\n(.*\n)*.*seed 1: begins/);
  const config = JSON.parse(await readFile(at("out", "slice-w0.5-s0", "config.json"), "utf8"));
  expect(config.train).toBe(moved.train);
  expect((await ablate(moved)).psnr).toBe(first.psnr);

  // Another test set is measured on; the run stays.
  await place(at("other"), images(40));
  const other = await ablate({ ...moved, data: at("other") });
  expect(other.said).toContain("seed 0: is resumed");
  expect(other.psnr).not.toBe(first.psnr);
  expect((await ablate({ ...moved, data: at("other") })).said).toContain("seed 0: is done already");

  const [image, before] = [at("photographs", "1.bmp"), await readFile(at("photographs", "1.bmp"))];
  const changed = Buffer.from(before);
  changed.writeUInt8(255 - changed.readUInt8(4000), 4000);
  await writeFile(image, changed);
  await expect(ablate(moved)).rejects.toThrow(
    /slice-w0\.5-s0: since the run began this has changed:\n.*photographs\/1: it is another image\nPut it back as it was, or begin a new run/,
  );
  await writeFile(image, before);
  const network = edsr(2, { features: 16, blocks: 1 });
  await saveCheckpoint(at("other.safetensors"), { network, parameters: stateOf(randomParameters(network, 9)) });
  await expect(ablate({ ...moved, teacher: at("other.safetensors") })).rejects.toThrow(
    "other.safetensors is another teacher",
  );
});
