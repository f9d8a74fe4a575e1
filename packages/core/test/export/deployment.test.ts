import { describe, expect, it } from "vitest";
import { edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { costOf, type Deployment, deploy } from "../../src/export/deployment.js";
import { exampleOf, exportModel } from "../../src/export/onnx.js";

async function outputOf({ onnx, input, output }: Deployment, [height, width]: readonly [number, number]) {
  const session = await createSession(onnx);
  try {
    const data = Float32Array.from({ length: 3 * height * width }, (_, i) => ((i * 2_654_435_761) >>> 7) % 256);
    const { outputs } = await session.run({ [input]: float32(data, [1, 3, height, width]) });
    return outputs[output]?.data as Float32Array;
  } finally {
    await session.close();
  }
}

describe("a network deployed with its linear stretches merged", () => {
  it.each([edsr(2), edsr(3), edsr(4), rcan(2), rcan(4)])(
    "makes the same image, up to its border, of less memory: $architecture ×$scale",
    async (options) => {
      const model = modelOf(options);
      const merged = deploy(model);
      const plain = { ...merged, onnx: exportModel(model) };
      for (const size of [
        [merged.size.minimum, merged.size.minimum],
        [7, 23],
      ] as const) {
        const [expected, found] = [await outputOf(plain, size), await outputOf(merged, size)];
        expect(found).toHaveLength(expected.length);
        const scale = Math.max(...expected.map(Math.abs));
        const most = found.reduce((far, value, i) => Math.max(far, Math.abs(value - (expected[i] as number))), 0);
        expect(most / scale).toBeLessThan(1e-5);
      }
      const own = costOf(exampleOf(model));
      expect(merged.cost).toMatchObject({ parameters: own.parameters, macs: own.macs, radius: own.radius });
      expect(merged.cost?.bytesPerPixel).toBeLessThan(own.bytesPerPixel);
      expect(merged.partwise !== undefined).toBe(own.radius === undefined);
      expect(merged.size.minimum).toBe(options.scale === 4 ? 2 : 1);
    },
  );
});
