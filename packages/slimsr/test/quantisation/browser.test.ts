import { expect, it } from "vitest";
import { floats } from "../../../../test/support/engine.js";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { photograph } from "../../../../test/support/photographs.js";
import { CHROMIUM, describeWith } from "../../../../test/support/requirement.js";
import { rgbPlanes } from "../../../core/src/images/planes.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { inBrowser } from "../../../upscaler/test/web/browser.js";
import type { Upscaler } from "../../../upscaler/test/web/page.js";
import { BITS } from "../../src/quantisation/processor.js";
import { quantise } from "../../src/quantisation/quantise.js";

/** In the page. */
declare const upscaler: Upscaler;

const SIDE = 32;

describeWith(CHROMIUM, "a network of integers in a browser", (executablePath) => {
  const { open } = inBrowser(executablePath);

  it("makes the image that Node makes, of weights of 8 bits and of 4 that are packed", {
    timeout: 240_000,
  }, async () => {
    const image = await photograph("19");
    const whole = rgbPlanes(image);
    const crop = Array.from({ length: 3 * SIDE ** 2 }, (_, i) => {
      const [plane, row] = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE];
      return whole[(plane * image.height + 100 + row) * image.width + 100 + (i % SIDE)] as number;
    });
    const page = await open();
    await page.waitForFunction(() => "upscaler" in globalThis);
    for (const bits of [BITS.vnni, 4]) {
      const { onnx } = await quantise(modelOf(edsr(2, { features: 8, blocks: 1 })), { patches: 2, bits });
      const made = await page.evaluate(
        async ([file, pixels, side]) => {
          const session = await upscaler.createSession(Uint8Array.from(file), { threads: 1 });
          const lr = upscaler.float32(Float32Array.from(pixels), [1, 3, side, side]);
          const { outputs } = await session.run({ lr });
          await session.close();
          return Array.from(outputs.sr?.data ?? [], Number);
        },
        [[...onnx], crop, SIDE] as const,
      );
      const session = await createSession(onnx, { threads: 1, spinning: false });
      const { outputs } = await session.run({ lr: float32(Float32Array.from(crop), [1, 3, SIDE, SIDE]) });
      await session.close();
      const expected = floats(outputs, "sr");
      expect(made).toHaveLength(expected.length);
      // A network of random weights has outputs beyond 255; a level is as large a part of their range.
      const level = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 255) / 255;
      const worst = made.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
      expect(worst / level).toBeLessThan(1);
    }
  });
});
