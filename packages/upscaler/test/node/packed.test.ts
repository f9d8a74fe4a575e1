import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { rounded } from "../../../../test/support/rounded.js";
import { CheckpointError } from "../../../core/src/errors.js";
import { quantisedFile } from "../../../core/src/formats/model-file.js";
import { integerModel } from "../../../core/src/quantisation/stored.js";
import { Upscaler } from "../../src/node/upscaler.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slimsr-packed-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function upscaled(source: string | Uint8Array): Promise<unknown> {
  const upscaler = await Upscaler.load(source, { threads: 1 });
  onTestFinished(() => upscaler.dispose());
  const data = Uint8Array.from(new Random(5).floats(30 * 20 * 3, 0, 255), Math.round);
  return (await upscaler.upscale({ data, width: 30, height: 20, channels: 3 })).data;
}

it.each([8, 4, 3])("a quantised network's checkpoint of %i bits makes the pixels of its ONNX file", async (bits) => {
  const onnx = integerModel(rounded(modelOf(edsr(2)), bits));
  const file = quantisedFile(onnx, "q.safetensors");
  const path = join(folder, `int${bits}.safetensors`);
  await writeFile(path, file);
  const expected = await upscaled(onnx);
  expect(new Set(expected as Uint8Array).size).toBeGreaterThan(20);
  expect(await upscaled(file)).toEqual(expected);
  expect(await upscaled(path)).toEqual(expected);
  await writeFile(path, file.subarray(0, file.length - 50));
  await expect(Upscaler.load(path)).rejects.toThrow(CheckpointError);
  await expect(Upscaler.load(path)).rejects.toThrow(`int${bits}.safetensors is not a sound safetensors file`);
});
