import { expect, it, onTestFinished } from "vitest";
import { photograph } from "../../../../test/support/photographs.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { imageOf } from "../../../core/src/images/image.js";
import { psnr } from "../../../core/src/metrics/psnr.js";
import { SHIPPED_MODELS } from "../../src/loading/shipped-models.js";
import { Upscaler } from "../../src/node/upscaler.js";

it.each(SHIPPED_MODELS.flatMap((model) => model.qualities.map((quality) => ({ ...model, quality }))))(
  "$name at quality $quality is nearer to a photograph than bicubic enlargement",
  async ({ name, quality, scale, qualities }) => {
    const upscaler = await Upscaler.load(name, { quality, threads: 1 });
    onTestFinished(() => upscaler.dispose());
    expect([upscaler.scale, upscaler.qualities, upscaler.quality]).toEqual([scale, qualities, quality]);
    const truth = await photograph("19");
    const { width, height, data, channels } = resizeBicubic(truth, 1 / scale);
    const small = { width, height, channels, data: data as Uint8Array };
    const made = await upscaler.upscale(small);
    const options = { border: scale };
    const own = psnr(imageOf(made.width, made.height, 3, made.data as Uint8Array), truth, options);
    expect(own).toBeGreaterThan(
      psnr(resizeBicubic(imageOf(width, height, 3, small.data), scale), truth, options) + 0.5,
    );
  },
);
