/** Copies what the slimsr package brings with it from the repository's assets into the package. */
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

rmSync(`${root}packages/slimsr/assets`, { recursive: true, force: true });
for (const name of ["calibration", "report", "vgg19", "README.md"]) {
  cpSync(`${root}assets/${name}`, `${root}packages/slimsr/assets/${name}`, { recursive: true });
}
for (const name of ["core", "upscaler", "slimsr"]) cpSync(`${root}LICENSE`, `${root}packages/${name}/LICENSE`);
