import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { float32, type Tensor } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel } from "../../src/formats/model-file.js";
import { elements } from "../../src/graph/index.js";
import { instantiate } from "../../src/model/model.js";

const FOLDER = new URL("../../../../test/fixtures/onnx/cases/", import.meta.url);
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith(".onnx"));

/** Sizes of files that take no other. */
const FIXED: Readonly<Record<string, number>> = { "nearest-skip-static.onnx": 32 };
const HALVES = "all-fp16.onnx";

/** The code of a number of 0..1 that a half holds. */
function halfOf(number: number): number {
  if (number < 2 ** -14) return Math.round(number * 2 ** 24);
  const exponent = Math.floor(Math.log2(number));
  return ((exponent + 15) << 10) + Math.round((number / 2 ** exponent - 1) * 1024);
}

/** What the engine makes of the file itself. */
async function original(bytes: Uint8Array, image: Tensor): Promise<Tensor> {
  const session = await createSession(bytes, { threads: 1, spinning: false });
  const { outputs } = await session.run({ input: image }).finally(() => session.close());
  return outputs.output as Tensor;
}

describe("files as exporters write them", () => {
  it("are all there", () => expect(FILES.length).toBe(17));

  it.each(FILES.filter((file) => file !== HALVES))(
    "compute what the engine does, also written again: %s",
    async (file) => {
      const bytes = new Uint8Array(readFileSync(new URL(file, FOLDER)));
      const model = readModel(bytes, file);
      const { channels, scale, size } = model.descriptor;
      expect([scale, size]).toEqual([2, { minimum: 1, multipleOf: 1 }]);
      expect(channels.input).toBe(file === "luma-only.onnx" ? 1 : 3);
      const side = FIXED[file] ?? 20;
      const shape = [1, channels.input, side, side];
      const image = () => float32(new Random(5).floats(elements(shape), 0, 1), shape);
      const expected = await original(bytes, image());
      const ours = await evaluate(instantiate(model, shape), { lr: image() });
      expect(ours.sr?.shape).toEqual(expected.shape);
      expectClose(floats(ours, "sr"), expected.data as Float32Array, 1e-5);
      const session = await createSession(exportModel(model), { threads: 1, spinning: false });
      expectClose(
        (await session.run({ input: image() })).outputs.output?.data as Float32Array,
        expected.data as Float32Array,
        1e-5,
      );
      for (const [height, width] of [
        [7, 12],
        [40, 9],
      ] as const) {
        const other = float32(new Float32Array(channels.input * height * width), [1, channels.input, height, width]);
        expect((await session.run({ input: other })).outputs.output?.shape).toEqual([
          1,
          channels.output,
          2 * height,
          2 * width,
        ]);
      }
      await session.close();
    },
  );

  it("of half precision are of single precision", async () => {
    const bytes = new Uint8Array(readFileSync(new URL(HALVES, FOLDER)));
    const model = readModel(bytes, HALVES);
    expect(model.descriptor.origin).toMatchObject({ notes: ["its numbers were float16; they are float32"] });
    const shape = [1, 3, 12, 16];
    const image = new Random(5).floats(elements(shape), 0, 1);
    const halves: Tensor = { dtype: "float16", shape, data: Uint16Array.from(image, halfOf) };
    const expected = await original(bytes, halves);
    const { sr } = await evaluate(instantiate(model, shape), { lr: float32(image, shape) });
    const value = (code: number) =>
      (code & 0x8000 ? -1 : 1) *
      ((code >> 10) & 31 ? 1 + (code & 1023) / 1024 : (code & 1023) / 512) *
      2 ** (((code >> 10) & 31) - 15);
    expectClose(sr?.data as Float32Array, Float32Array.from(expected.data as Uint16Array, value), 1e-2);
  });
});

/** Within `tolerance` of the expected range. */
function expectClose(made: Float32Array, expected: Float32Array, tolerance: number): void {
  const range = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - (made[i] as number))), 0);
  expect(range).toBeGreaterThan(0);
  expect(worst).toBeLessThan(tolerance * range);
}
