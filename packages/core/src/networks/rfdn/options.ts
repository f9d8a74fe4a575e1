import * as z from "zod/mini";
import { commonOptions, scaleOption } from "../options.js";

export const rfdnOptions = z.strictObject({
  architecture: z.literal("rfdn"),
  ...scaleOption,
  ...commonOptions,
  blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("residual feature distillation blocks")),
  distilled: commonOptions.features.check(z.describe("channels that each step of a block distils")),
  attention: commonOptions.features.check(z.describe("channels of the spatial attention")),
});

export type RfdnOptions = z.infer<typeof rfdnOptions>;

/** The winner of AIM 2020's challenge on efficient super-resolution (section 4.6 of the paper). */
export const RFDN_DEFAULTS = { features: 50, range: 255, blocks: 4, distilled: 25, attention: 12 } as const;
