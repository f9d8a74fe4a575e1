import { copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { photographPath } from "../../../../test/support/photographs.js";
import type { Image } from "../../../core/src/images/image.js";
import { writeImage } from "../../src/images/encode.js";

/** A new empty folder, removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder with the three photographs as a.png (101×75), b.png (192×192), nested/c.png (240×192). */
export async function photographs(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "nested"));
  await copyFile(photographPath("05"), join(folder, "a.png"));
  await copyFile(photographPath("19"), join(folder, "b.png"));
  await copyFile(photographPath("23"), join(folder, "nested", "c.png"));
  return folder;
}

/** Writes images by their path below a folder. */
export async function place(folder: string, images: Record<string, Image>): Promise<void> {
  for (const [name, image] of Object.entries(images)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeImage(join(folder, name), image);
  }
}

/** All files below a folder, hidden ones too, sorted. */
export async function listing(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
