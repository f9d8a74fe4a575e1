import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
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
