/** Copies what packages bring with them from the repository's assets into them. */
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

rmSync(`${root}packages/slimsr/assets`, { recursive: true, force: true });
for (const name of ["calibration", "report", "vgg19", "README.md"]) {
  cpSync(`${root}assets/${name}`, `${root}packages/slimsr/assets/${name}`, { recursive: true });
}
const models = {
  edsr_r8f64_x2: "photo-x2",
  edsr_r8f32_x2: "photo-x2-fast",
  edsr_r8f64_x2_jpeg: "jpeg-x2",
  edsr_r8f64_x4: "photo-x4",
  edsr_r8f32_x4: "photo-x4-fast",
};
rmSync(`${root}packages/upscaler/models`, { recursive: true, force: true });
for (const [network, name] of Object.entries(models)) {
  cpSync(`${root}assets/slim/${network}.safetensors`, `${root}packages/upscaler/models/${name}.safetensors`);
}
for (const name of ["core", "upscaler", "slimsr"]) cpSync(`${root}LICENSE`, `${root}packages/${name}/LICENSE`);
