import * as z from "zod";
import { commonOptions, scaleOption } from "../options.js";

export const rlfnOptions = z.strictObject({
  architecture: z.literal("rlfn"),
  ...scaleOption,
  ...commonOptions,
  blocks: z.int().min(1).max(256).describe("residual local feature blocks"),
  within: commonOptions.features.describe("channels within blocks"),
  attention: commonOptions.features.describe("channels of the spatial attention"),
});

export type RlfnOptions = z.infer<typeof rlfnOptions>;

/** The winner of NTIRE 2022's challenge on efficient super-resolution (section 4.5 of the paper). */
export const RLFN_DEFAULTS = { features: 46, range: 255, blocks: 4, within: 48, attention: 16 } as const;
