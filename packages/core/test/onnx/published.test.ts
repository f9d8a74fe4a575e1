import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { readState } from "../../src/checkpoints/checkpoint.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel } from "../../src/formats/model-file.js";
import { sizeFrom } from "../../src/model/descriptor.js";

/** A folder of published networks, each NAME.onnx beside NAME.safetensors with tensors `input` and `output` from PyTorch. */
const FOLDER =
  process.env.SLIMSR_ZOO ?? fileURLToPath(new URL("../../../../test/fixtures/onnx/published", import.meta.url));
const NAMES = readdirSync(FOLDER).flatMap((file) => (file.endsWith(".onnx") ? [file.slice(0, -".onnx".length)] : []));

describe("published networks, read and written again", () => {
  it.each(NAMES)("yield PyTorch's output, and take images of other sizes: %s", { timeout: 60_000 }, async (name) => {
    const file = join(FOLDER, `${name}.onnx`);
    const model = readModel(new Uint8Array(readFileSync(file)), file);
    const { scale, channels, size, origin } = model.descriptor;
    const { input, output } = origin as { input: string; output: string };
    const golden = readState(new Uint8Array(readFileSync(join(FOLDER, `${name}.safetensors`))), name).state;
    const session = await createSession(exportModel(model), { threads: 1, spinning: false });
    const run = async (data: Float32Array, shape: readonly number[]) =>
      (await session.run({ [input]: float32(data, shape) })).outputs[output];
    const [image, expected] = ["input", "output"].map((key) => golden.get(key));
    if (!image || !expected) throw new Error(`${name}.safetensors lacks input or output`);
    const made = await run(Float32Array.from(image.data), image.shape);
    expect(made?.shape).toEqual(expected.shape);
    const range = expected.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const worst = expected.data.reduce((most, x, i) => Math.max(most, Math.abs(x - Number(made?.data[i]))), 0);
    expect(worst).toBeLessThan(1e-3 * range);
    for (const least of [17, 40]) {
      const { width, height } = { ...sizeFrom(size, least), height: sizeFrom(size, least + 9).height };
      const other = await run(new Float32Array(channels.input * height * width), [1, channels.input, height, width]);
      expect(other?.shape).toEqual([1, channels.output, height * scale, width * scale]);
    }
    await session.close();
  });
});
