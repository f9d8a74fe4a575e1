import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../../../test/support/child.js";

it("where sharp isn't installed, files of images say how to get it, and PNGs are written all the same", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-test-sharp-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const modules = join(ROOT, "node_modules");
  for (const name of await readdir(modules)) {
    if (name === "sharp" || name === "@slimsr" || name.startsWith(".")) continue;
    await mkdir(dirname(join(folder, "node_modules", name)), { recursive: true });
    await symlink(join(modules, name), join(folder, "node_modules", name));
  }
  // An empty folder, so that none above it is asked.
  await mkdir(join(folder, "node_modules/sharp"));
  await mkdir(join(folder, "node_modules/@slimsr"));
  for (const name of ["core", "upscaler"]) {
    await symlink(join(ROOT, "packages", name), join(folder, "node_modules/@slimsr", name));
  }
  const program = `
    import { openImage } from "@slimsr/upscaler/internal/node/open-image.js";
    import { imageSink } from "@slimsr/upscaler/internal/node/image-sink.js";
    const layout = { width: 1, height: 1, channels: 1, depth: 8 };
    const sink = await imageSink("x.png", layout);
    await sink.write({ ...layout, data: Uint8Array.of(7) });
    await sink.end();
    for (const work of [() => openImage("x.png"), () => imageSink("x.jpg", layout)]) await work().catch(({ name, message }) => console.log(name + ": " + message));
  `;
  await writeFile(join(folder, "program.mjs"), program);
  const output = execFileSync(process.execPath, ["--preserve-symlinks", "--preserve-symlinks-main", "program.mjs"], {
    cwd: folder,
  });
  const line = "ImageError: files of images are read and written by sharp, and it isn't installed; npm install sharp\n";
  expect(String(output)).toBe(line + line);
  expect(await readdir(folder)).toContain("x.png");
});
