import * as z from "zod/mini";
import { commonOptions, scaleOption } from "../options.js";

export const rlfnOptions = z.strictObject({
  architecture: z.literal("rlfn"),
  ...scaleOption,
  ...commonOptions,
  blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("residual local feature blocks")),
  within: commonOptions.features.check(z.describe("channels within blocks")),
  attention: commonOptions.features.check(z.describe("channels of the spatial attention")),
});

export type RlfnOptions = z.infer<typeof rlfnOptions>;

/** The winner of NTIRE 2022's challenge on efficient super-resolution (section 4.5 of the paper). */
export const RLFN_DEFAULTS = { features: 46, range: 255, blocks: 4, within: 48, attention: 16 } as const;
