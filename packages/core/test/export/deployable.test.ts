import { describe, expect, it } from "vitest";
import {
  outputOf,
  type randomPatches as Patches,
  randomPatches,
  smallModel,
  smallNetworks,
} from "../../../../test/support/small-networks.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { UsageError } from "../../src/errors.js";
import { deployable, mergedCost } from "../../src/export/deployable.js";
import { onnxDeployment } from "../../src/export/onnx-file.js";
import { readModel } from "../../src/formats/model-file.js";
import { modelCost } from "../../src/model/cost.js";
import type { Model } from "../../src/model/model.js";
import { SCALES } from "../../src/networks/index.js";

/** The largest difference of a file's output from its network's, by the pixels between a place and the border. */
async function differences(model: Model, onnx: Uint8Array, patches: ReturnType<typeof Patches>): Promise<number[]> {
  const { count, width, height } = patches;
  const session = await createSession(onnx, { threads: 1, spinning: false });
  const { outputs } = await session.run({ lr: float32(patches.data.slice(), [count, 3, height, width]) });
  await session.close();
  const expected = await outputOf(model, patches);
  const side = width * model.descriptor.scale;
  const found: number[] = Array(Math.ceil(side / 2)).fill(0);
  expect(outputs.sr?.data).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    const [x, y] = [i % side, Math.floor(i / side) % side];
    const inside = Math.min(x, y, side - 1 - x, side - 1 - y);
    found[inside] = Math.max(found[inside] as number, Math.abs(value - Number(outputs.sr?.data[i])));
  });
  return found;
}

/** What merging does to the tails: ×4 has two shuffles. */
const BORDERS: Readonly<Record<number, number>> = { 2: 1, 3: 1, 4: 3 };

describe("a deployable network", () => {
  for (const options of SCALES.flatMap((scale) => smallNetworks(scale, 24))) {
    const variant = options.architecture === "carn" ? ` ${options.variant}` : "";
    it(`costs less or as much, and is the same within its border: ${options.architecture}${variant} ×${options.scale}`, async () => {
      const model = smallModel(options);
      const { onnx, border, cost, descriptor } = deployable(model);
      const own = modelCost(model);
      const merges = options.architecture !== "carn" || options.variant === "csd";
      expect(border).toBe(merges ? BORDERS[options.scale] : 0);
      if (merges) expect(cost.macs).toBeLessThan(own.macs);
      else expect(cost).toEqual({ parameters: own.parameters, macs: own.macs });
      expect(mergedCost(model)).toMatchObject(cost);
      const found = await differences(model, onnx, randomPatches(2, 13));
      expect(Math.max(...found.slice(border))).toBeLessThan(1e-3 * 255);
      if (border > 0) expect(found[0]).toBeGreaterThan(1);
      // The smallest image that it says it takes.
      const least = descriptor.size.minimum;
      await differences(model, onnx, randomPatches(1, least));
      expect(onnxDeployment("file.onnx", onnx).size.minimum).toBe(least);
    });
  }

  it("has pixels along its border that repeat the next ones within", async () => {
    const [edsr] = smallNetworks(4, 24);
    const { onnx, border } = deployable(smallModel(edsr as NonNullable<typeof edsr>));
    const session = await createSession(onnx, { threads: 1, spinning: false });
    const { outputs } = await session.run({ lr: float32(randomPatches(1, 6).data.slice(), [1, 3, 6, 6]) });
    await session.close();
    const data = outputs.sr?.data as Float32Array;
    for (let y = 0; y < 24; y++) {
      for (let x = 0; x < 24; x++) {
        const [row, column] = [y, x].map((at) => Math.min(Math.max(at, border), 23 - border)) as [number, number];
        expect(data[y * 24 + x]).toBe(data[row * 24 + column]);
      }
    }
  });

  const [small] = smallNetworks(2, 24);
  const model = smallModel(small as NonNullable<typeof small>);

  it("is left as it is where asked", async () => {
    const { onnx, border, cost } = deployable(model, { merge: false });
    expect(border).toBe(0);
    expect(cost.parameters).toBe(modelCost(model).parameters);
    expect(Math.max(...(await differences(model, onnx, randomPatches(1, 9))))).toBeLessThan(1e-3);
  });

  it("takes one image of a size where asked, and says so", async () => {
    const { onnx, descriptor } = deployable(model, { tile: 16 });
    const fixed = { width: 16, height: 16 };
    expect(descriptor.size.fixed).toEqual(fixed);
    expect(onnxDeployment("tile.onnx", onnx)).toMatchObject({ size: { fixed }, range: 255, scale: 2 });
    expect(readModel(onnx, "tile.onnx").descriptor).toMatchObject({ range: 255, scale: 2 });
    const found = await differences(model, onnx, randomPatches(1, 16));
    expect(Math.max(...found.slice(1))).toBeLessThan(1e-3);
    await expect(differences(model, onnx, randomPatches(1, 17))).rejects.toThrow(/16/);
  });

  it("refuses tiles that its network doesn't take", () => {
    const onSteps = (size: Model["descriptor"]["size"]) => ({ ...model, descriptor: { ...model.descriptor, size } });
    const stepped = onSteps({ minimum: 16, multipleOf: 8 });
    expect(() => deployable(stepped, { tile: 20 })).toThrow(UsageError);
    expect(() => deployable(stepped, { tile: 8 })).toThrow("take at least 16 and a multiple of 8");
    const fixed = onSteps({ minimum: 1, multipleOf: 1, fixed: { width: 24, height: 16 } });
    expect(() => deployable(fixed, { tile: 16 })).toThrow("images of 24×16 alone");
  });

  it("computes in half precision where asked", async () => {
    const { onnx, border } = deployable(model, { half: true });
    expect(onnx.length).toBeLessThan(0.6 * deployable(model).onnx.length);
    const found = await differences(model, onnx, randomPatches(1, 16));
    expect(Math.max(...found.slice(border))).toBeLessThan(1.5);
    expect(readModel(onnx, "half.onnx").descriptor).toMatchObject({ range: 255, scale: 2 });
  });
});
