import { createHash } from "node:crypto";
import { Upscaler } from "@slimsr/upscaler";
import sharp from "sharp";
import { upscaled } from "./program.js";

const digest = (data) => createHash("sha256").update(Uint8Array.from(data)).digest("hex");

/** From a file to a file, in the codecs that sharp brings. */
async function file() {
  const upscaler = await Upscaler.load("photo-x2", { quality: 0.25, device: "cpu" });
  await upscaler.upscaleFile("picture.png", "larger.png", { scale: 1.5 });
  await upscaler.dispose();
  return sharp("larger.png").raw().toBuffer();
}

const PARTS = {
  pixels: async () => (await upscaled()).data,
  file,
  // In a process of its own.
  foreign: async () => (await upscaled({ quality: 1 }, "network.onnx")).data,
};

/** Digests of images that are made in each way, or what was said instead. */
export async function everything() {
  const results = {};
  for (const [name, part] of Object.entries(PARTS)) results[name] = await part().then(digest, String);
  return results;
}
