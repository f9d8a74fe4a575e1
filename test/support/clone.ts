import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { onTestFinished } from "vitest";
import { stateOf } from "../../packages/core/src/checkpoints/state.js";
import { narrowed } from "../../packages/core/src/model/split.js";
import { loadCheckpoint, saveCheckpoint } from "../../packages/slimsr/src/files/checkpoints.js";
import { loadModel } from "../../packages/slimsr/src/files/models.js";
import { ROOT } from "./child.js";

/** A folder with what a clone's commands are given, where `npx slimsr` is the built program. It is gone when the test has ended. */
export async function freshClone(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-clone-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(join(ROOT, "assets"), join(folder, "assets"), { recursive: true });
  await symlink(join(ROOT, "test"), join(folder, "test"));
  await mkdir(join(folder, "node_modules/.bin"), { recursive: true });
  await symlink(join(ROOT, "packages/slimsr/bin/slimsr.js"), join(folder, "node_modules/.bin/slimsr"));
  return folder;
}

/** Leaves the middle of each photograph in a clone, 192×128 pixels, so that its commands take less time. */
export async function cropPhotographs(clone: string): Promise<void> {
  for (const folder of ["assets/calibration", "assets/held-out/Kodak"]) {
    const names = (await readdir(join(clone, folder))).filter((name) => /\.(png|webp)$/.test(name));
    for (const name of names) {
      const file = join(clone, folder, name);
      const { width, height } = await sharp(file).metadata();
      const middle = { left: (width - 192) / 2, top: (height - 128) / 2, width: 192, height: 128 };
      await writeFile(file, await sharp(file).extract(middle).toBuffer());
    }
  }
}

/** Puts the quarter width of the trained network that comes with several in the place of a clone's teacher. */
export async function narrowTeacher(clone: string): Promise<void> {
  const file = join(clone, "assets/slim/edsr_r8f64_x2.safetensors");
  const { parameters } = narrowed(await loadModel(file), 0.25);
  const { network } = await loadCheckpoint(file);
  await saveCheckpoint(join(clone, "assets/teachers/edsr_r8f64_x2.safetensors"), {
    network: { ...network, features: network.features / 4 },
    parameters: stateOf(parameters),
  });
}
