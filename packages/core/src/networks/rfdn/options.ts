import * as z from "zod";
import { commonOptions, scaleOption } from "../options.js";

export const rfdnOptions = z.strictObject({
  architecture: z.literal("rfdn"),
  ...scaleOption,
  ...commonOptions,
  blocks: z.int().min(1).max(256).describe("residual feature distillation blocks"),
  distilled: commonOptions.features.describe("channels that each step of a block distils"),
  attention: commonOptions.features.describe("channels of the spatial attention"),
});

export type RfdnOptions = z.infer<typeof rfdnOptions>;

/** The winner of AIM 2020's challenge on efficient super-resolution (section 4.6 of the paper). */
export const RFDN_DEFAULTS = { features: 50, range: 255, blocks: 4, distilled: 25, attention: 12 } as const;
