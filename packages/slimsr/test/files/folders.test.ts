import { mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeFolder } from "../../src/files/folders.js";
import { temporaryFolder } from "../datasets/folders.js";

describe("making a folder", () => {
  it("makes those above it too, and is content with what is there", async () => {
    const path = join(await temporaryFolder(), "a", "b", "c");
    await makeFolder(path);
    await makeFolder(path);
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it("can be done by many at once", async () => {
    const folder = await temporaryFolder();
    for (let round = 0; round < 20; round++) {
      const paths = Array.from({ length: 40 }, (_, i) => join(folder, `${round}`, "a", "b", `${i % 2}`));
      await Promise.all(paths.map(makeFolder));
      for (const path of paths) expect((await stat(path)).isDirectory()).toBe(true);
    }
  });

  it("goes through links to folders, and fails at files and dangling links", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "real"));
    await symlink("real", join(folder, "link"));
    await symlink("nowhere", join(folder, "dangling"));
    await writeFile(join(folder, "file"), "");
    await makeFolder(join(folder, "link", "new"));
    expect((await stat(join(folder, "real", "new"))).isDirectory()).toBe(true);
    await expect(makeFolder(join(folder, "file"))).rejects.toThrow("EEXIST");
    await expect(makeFolder(join(folder, "file", "new"))).rejects.toThrow("ENOTDIR");
    await expect(makeFolder(join(folder, "dangling", "new"))).rejects.toThrow("EEXIST");
  });

  it.runIf(process.platform === "linux")("ends where no folder can be made though the one above is there", async () => {
    await expect(makeFolder("/proc/new/folder")).rejects.toThrow("ENOENT");
  });
});
